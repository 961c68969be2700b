"""`Rows`: gradients of the NumPy port that are given by rows."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad, Param, Rows

BF16 = np.dtype(ml_dtypes.bfloat16)


@pytest.mark.parametrize(
    ("shape", "indices", "values"),
    [
        ((), (), np.zeros(())),
        ((3,), (3,), np.zeros(1)),
        ((3,), (-1,), np.zeros(1)),
        ((3,), (0, 1), np.zeros(1)),
        ((3, 2), (0,), np.zeros(2)),
        ((3,), ((0,),), np.zeros((1, 1))),
    ],
)
def test_what_are_no_rows(shape, indices, values):
    with pytest.raises(ValueError, match="row"):
        Rows(shape, indices, values)


def test_equal_rows_are_summed_in_binary32_and_rounded_once():
    values = np.array([256, 1, -256, 0.5], BF16)  # one by one in bfloat16: 0.5
    rows, total = Rows((3,), (2, 2, 2, 2), values).summed()
    assert (rows.tolist(), total.tolist(), total.dtype) == ([2], [1.5], np.float32)


def test_rows_step_as_dense_ones_and_absent_rows_stay():
    data = np.array([[1.5, -0.5], [2.0, 3.0], [0.25, 0.75]])
    p, q = Param(data.copy()), Param(data[[2, 0]].copy())
    ours, dense = (Adagrad([x], lr=0.3, lr_decay=0.7, eps=0.1) for x in (p, q))
    values = np.array([[0.5, -1.5], [2.5, 0.25]])
    for _ in range(3):
        p.grad, q.grad = Rows((3, 2), (2, 0), values), values
        ours.step()
        dense.step()
    assert np.array_equal(p.data[[2, 0]], q.data)
    assert np.array_equal(p.data[1], data[1])
    assert np.array_equal(ours.state[p]["sum"][[2, 0]], dense.state[q]["sum"])
    assert ours.state[p]["step"] == 3


def test_views_move_in_place():
    base = np.arange(12.0).reshape(3, 4)
    p = Param(base[:, ::2])
    before = base.copy()
    p.grad = Rows((3, 2), (1,), np.full((1, 2), 0.5))
    Adagrad([p], lr=0.5).step()
    assert np.argwhere(base != before).tolist() == [[1, 0], [1, 2]]


def test_weight_decay_is_refused_and_nothing_moves():
    first, p = Param(np.ones(2), np.full(2, 0.5)), Param(np.ones(3))
    p.grad = Rows((3,), (1,), np.array([0.5]))
    groups = [{"params": [first]}, {"params": [p], "weight_decay": 0.1}]
    optimizer = Adagrad(groups)
    with pytest.raises(ValueError, match="weight_decay"):
        optimizer.step()
    assert first.data.tolist() == [1.0, 1.0]
    assert [state["step"] for state in optimizer.state.values()] == [0, 0]


def test_zero_grad_leaves_no_rows():
    p = Param(np.ones(3), Rows((3,), (1,), np.array([0.5])))
    optimizer = Adagrad([p])
    optimizer.zero_grad(set_to_none=False)
    optimizer.step()
    assert (p.grad.indices.tolist(), optimizer.state[p]["step"]) == ([], 1)
    assert p.data.tolist() == [1.0] * 3


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_rows_of_another_dtype_or_shape_are_refused(dtype):
    p = Param(np.ones(3), Rows((3,), (1,), np.array([0.5], dtype)))
    with pytest.raises(ValueError, match="dtype"):
        Adagrad([p]).step()
