"""The suite's own ports write into the elements of params alone, wherever these lie."""

from __future__ import annotations

import numpy as np
import pytest
from own_kit import DECAYED, FULL, PLAIN, as_tensor, bits, each_wide, each_width, normal

from adagrad_conformance.adapters.own.numpy_adagrad import BLOCK


@each_wide
@pytest.mark.parametrize("n", [1, 19, 2 * BLOCK + 3])
def test_pieces_give_the_same_bits(kit, dtype, n):
    x, g = normal(1, n, dtype=dtype), normal(2, n, dtype=dtype)
    parts = np.array_split(x.copy(), 7)
    params, opt = kit.start([x], **FULL)
    kit.run(opt, params, [[g], [g[::-1]]])
    params, opt = kit.start(parts, **FULL)
    kit.run(opt, params, [np.array_split(g, 7), np.array_split(g[::-1], 7)])
    assert bits(np.concatenate(parts)) == bits(x)


@each_width
def test_views_keep_to_their_elements_and_bits(kit, dtype):
    base = normal(1, 9, 14, dtype=dtype)
    before, grads = base.copy(), [normal(k, 5, 7, dtype=dtype) for k in (2, 3)]
    view = base[::2, 1::2]
    flat = np.ascontiguousarray(view)
    params, opt = kit.start([view], **FULL)
    for g in grads:
        turned = np.asfortranarray(g)
        kit.give(params[0], turned)
        opt.step()
        assert bits(turned) == bits(g)
    twins, twin = kit.start([flat], **FULL)
    kit.run(twin, twins, [[g] for g in grads])
    assert bits(np.ascontiguousarray(view)) == bits(flat)
    assert bits(flat) != bits(np.ascontiguousarray(before[::2, 1::2]))
    outside = np.ones(base.shape, bool)
    outside[::2, 1::2] = False
    assert bits(base[outside]) == bits(before[outside])


@each_width
@pytest.mark.parametrize("options", [PLAIN, DECAYED, FULL], ids=["plain", "wd", "all"])
def test_gradient_is_only_read(kit, dtype, options):
    g = normal(1, 50, dtype=dtype)
    kept = g.copy()
    params, opt = kit.start([normal(2, 50, dtype=dtype)], **options)
    kit.give(params[0], g)
    given = params[0].grad
    opt.step()
    assert bits(g) == bits(kept)
    assert params[0].grad is given


def test_gradient_with_stride_zero(kit):
    x, column = np.zeros((4, 3)), np.array([[1.0], [3.0], [0.0], [-1.0]])
    (p,), opt = kit.start([x], lr=1, eps=1)
    numpy = kit.name == "numpy"
    p.grad = (
        np.broadcast_to(column, x.shape) if numpy else as_tensor(column).expand(4, 3)
    )
    opt.step()
    np.testing.assert_allclose(x, np.repeat(-column / (abs(column) + 1), 3, axis=1))
