"""Fixtures: each of the suite's own ports, and each of those on torch."""

from __future__ import annotations

import pytest
from own_kit import CLASSES, Kit


@pytest.fixture(params=CLASSES)
def kit(request):
    return Kit(request.param)


@pytest.fixture(params=["single", "foreach"])
def torch_kit(request):
    return Kit(request.param)
