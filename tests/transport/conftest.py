"""Fixtures for tests that start processes."""

from __future__ import annotations

import pytest
from process_kit import SOON, liar

from adagrad_conformance.transport import child_process as child


@pytest.fixture
def started():
    """Start candidates and close them afterwards."""
    candidates = []

    def start(script, **options):
        candidate = liar(script, **options)
        candidates.append(candidate)
        candidate.start()
        return candidate

    yield start
    for candidate in candidates:
        candidate.timeout = SOON  # a process that runs may hang
        candidate.close()
        assert not candidate.alive


@pytest.fixture
def pids(monkeypatch):
    """The process numbers of everything that is started."""
    found = []
    popen = child.subprocess.Popen

    def remember(*args, **kwargs):
        made = popen(*args, **kwargs)
        found.append(made.pid)
        return made

    monkeypatch.setattr(child.subprocess, "Popen", remember)
    return found
