"""Fixtures for tests of the runner."""

from __future__ import annotations

import pytest
from execution_kit import Recorder


@pytest.fixture
def recorder():
    made = Recorder()
    made.start()
    made.log.clear()
    return made
