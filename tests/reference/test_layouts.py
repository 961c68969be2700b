"""Where the elements of a tensor lie in its storage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scenario_kit import AB, scenario, tensor

from adagrad_reference.formats import BINARY32
from adagrad_reference.scenario import (
    Layout,
    Tensor,
)

# -- layouts -------------------------------------------------------------------


def test_positions():
    assert Layout(10, 2, (3, 1), 0).positions((2, 3)) == [2, 3, 4, 5, 6, 7]
    assert Layout(10, 1, (1, 4), 0).positions((2, 2)) == [1, 5, 2, 6]
    assert Layout(9, 8, (-2,), 0).positions((4,)) == [8, 6, 4, 2]
    assert Layout(5, 4, (), 0).positions(()) == [4]
    assert Layout(5, 0, (0,), 0).positions((3,)) == [0, 0, 0]
    assert Layout(5, 0, (1,), 0).positions((0,)) == []
    with pytest.raises(ValueError, match="zip"):
        Layout(5, 0, (1,), 0).positions((2, 2))


def test_positions_are_those_of_numpy():
    storage = np.arange(60)
    view = np.lib.stride_tricks.as_strided(storage[5:], (3, 2, 4), (8, 240, 48))
    assert Layout(60, 5, (1, 30, 6), 0).positions((3, 2, 4)) == view.ravel().tolist()


def test_tensors_know_their_values():
    x = tensor(1.0, -0.5, 2.0**-149, math.inf, fmt="binary32", shape=(2, 2))
    assert x.fmt == BINARY32
    assert scenario(x=x, y=AB["a"]).formats == ("binary32", "binary64")
    assert (x.size, x.problem) == (4, None)
    assert x.values() == [1.0, -0.5, 2.0**-149, math.inf]
    assert Tensor("binary32", (), (0,)).size == 1
