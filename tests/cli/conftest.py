"""Fixtures of the tests of the command line."""

from __future__ import annotations

import textwrap

import pytest
from cli_kit import KNOWN, PORTS

from adagrad_conformance.checks.vector_files import Library


@pytest.fixture
def known(monkeypatch):
    """Do not read the files again for every command."""
    monkeypatch.setattr(Library, "read", classmethod(lambda cls, folder=None: KNOWN))


@pytest.fixture(autouse=True)
def person(monkeypatch):
    """As at a person's terminal, unless a test says otherwise."""
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def ports(tmp_path):
    """A file of small ports; gives 'FILE:' to put a class name behind."""
    path = tmp_path / "ports.py"
    path.write_text(textwrap.dedent(PORTS))
    return f"{path}:"
