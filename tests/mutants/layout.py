"""Mutants of memory: strides, views, sizes, and special values that spread."""

from __future__ import annotations

import numpy as np
import torch
from mutant_kit import Bent

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad, adagrad_

KIND = "layout"

LANES = 16


class StridedUpdateLost(SingleTensorAdagrad):
    """A strided param is made contiguous and the copy moves.  Known bug 38."""

    def _update(self, slots, weight_decay, eps, maximize):
        super()._update(
            [slot._replace(theta=slot.theta.detach().contiguous()) for slot in slots],
            weight_decay,
            eps,
            maximize,
        )


class WritesOutsideView(SingleTensorAdagrad):
    """A strided param is written as if it were contiguous.  Known bug 2."""

    def _update(self, slots, weight_decay, eps, maximize):
        for theta, g, s, clr in slots:
            moved = theta.detach().clone(memory_format=torch.contiguous_format)
            adagrad_(moved, g, s, clr, weight_decay, eps, maximize)
            flat = theta.detach().as_strided((theta.numel(),), (1,))
            flat.copy_(moved.flatten())


def axes_in_memory(x):
    """The axes from the slowest to the fastest."""
    return sorted(range(x.ndim), key=lambda axis: -x.strides[axis])


class GradientStridesIgnored(Bent):
    """Gradients are read in memory order.  Known bug 1.  Elements are swapped."""

    def move(self, p, grad, state, o):
        in_memory = np.ascontiguousarray(grad.transpose(axes_in_memory(grad)))
        super().move(p, in_memory.reshape(grad.shape), state, o)


class ParamStridesIgnored(Bent):
    """Params are walked in memory order.  Known bug 1, seen from the param."""

    def move(self, p, grad, state, o):
        axes = axes_in_memory(p.data)
        shape = p.data.transpose(axes).shape
        walked = np.ascontiguousarray(grad).reshape(shape)
        super().move(p, walked.transpose(np.argsort(axes)), state, o)


class WritesOneTooFar(Bent):
    """The element behind the last one is written too.

    A neighbour in the same buffer is spoilt.  Of the kind of known bug 2.
    """

    def move(self, p, grad, state, o):
        super().move(p, grad, state, o)
        whole = p.data.base
        if whole is not None and p.data.size and whole.size > p.data.size:
            offset = (p.data.ctypes.data - whole.ctypes.data) // p.data.itemsize
            reach = sum(
                (n - 1) * stride // p.data.itemsize
                for n, stride in zip(p.data.shape, p.data.strides, strict=True)
            )
            whole[min(offset + reach + 1, whole.size - 1)] = 0


class _Partial(Bent):
    """Steps as ever, but puts back the elements that `missed` marks."""

    def missed(self, p):
        raise NotImplementedError

    def move(self, p, grad, state, o):
        before, s = p.data.copy(), state["sum"].copy()
        super().move(p, grad, state, o)
        missed = self.missed(p).reshape(p.data.shape)
        p.data[missed], state["sum"][missed] = before[missed], s[missed]


class FirstRowsOnly(_Partial):
    """size(0) taken for numel().  Known bug 36.  Matrices hardly move."""

    def missed(self, p):
        return np.arange(p.data.size) >= (p.data.shape or (1,))[0]


class TailSkipped(_Partial):
    """The rest behind the last full vector of 16 lanes is skipped.

    The last few weights of every layer never learn.
    """

    def missed(self, p):
        n = p.data.size
        return np.arange(n) >= (n - n % LANES if n > LANES else n)


class VectorBlockSkipped(_Partial):
    """Full vectors of 16 lanes are skipped.  Known bug 31."""

    def missed(self, p):
        n = p.data.size
        return np.arange(n) < n - n % LANES


class SeventeenthWrong(_Partial):
    """Element 17 never moves: an off-by-one behind the first vector.

    One weight of a layer never learns, and no small test has so many.
    """

    def missed(self, p):
        return np.arange(p.data.size) == LANES


class WrongBeyond64(_Partial):
    """Elements from the 65th on never move: an unrolled loop's rest.

    All but the first weights of every real layer never learn.
    """

    def missed(self, p):
        return np.arange(p.data.size) >= 64


class WrongBeyond4096(_Partial):
    """Elements from the 4097th on never move: only the first chunk is worked on.

    Large layers stand still beyond their first rows.
    """

    def missed(self, p):
        return np.arange(p.data.size) >= 4096


class ScalarSkipped(_Partial):
    """A 0-dimensional param never moves.

    A temperature or a learnt scale never learns.
    """

    def missed(self, p):
        return np.full(p.data.size, p.data.ndim == 0)


class SingleElementSkipped(_Partial):
    """A param of one element never moves.  A bias of one output never learns."""

    def missed(self, p):
        return np.full(p.data.size, p.data.shape == (1,))


class EmptyStopsTheRest(Bent):
    """A param without elements ends the loop.  Known bug 30."""

    def step(self, closure=None):
        self.stopped = False
        return super().step(closure)

    def _step_param(self, p, group):
        self.stopped |= p.data.size == 0
        if not self.stopped:
            super()._step_param(p, group)


class FirstFormatOnly(Bent):
    """Params of another format than the first are skipped.  Known bug 20."""

    def _step_param(self, p, group):
        if p.data.dtype == next(self._params()).data.dtype:
            super()._step_param(p, group)


class ExpandedGradientMisread(Bent):
    """A gradient of stride 0 is read by its first element's neighbours.

    The gradient of a sum, which torch expands, moves nothing.
    """

    def move(self, p, grad, state, o):
        if 0 in grad.strides and grad.size > 1:
            grad = np.zeros_like(p.data)
        super().move(p, grad, state, o)


# -- special values --------------------------------------------------------------------


class NanSpreads(Bent):
    """One NaN in the gradient makes the whole tensor NaN.

    One bad sample destroys a whole layer.
    """

    kind = "numerics"

    def used(self, theta, g, o):
        g = super().used(theta, g, o)
        return g + 0 * g.sum() if np.isnan(g).any() else g


class InfSpreads(Bent):
    """An infinite gradient scales all other elements to nothing.

    One overflow stops a whole layer.
    """

    kind = "numerics"

    def update(self, g, s, clr, o):
        update = super().update(g, s, clr, o)
        return update * 0 if np.isinf(g).any() else update


class NonFiniteSkipsParam(Bent):
    """A param with a NaN or an infinity in its gradient is skipped unasked.

    Damage stays hidden, and a GradScaler is not needed nor noticed.
    """

    kind = "numerics"

    def _step_param(self, p, group):
        if np.isfinite(p.grad.astype(float)).all():
            super()._step_param(p, group)


class NonFiniteIsZero(Bent):
    """NaN and infinite gradients count as zero.  A broken loss goes unseen."""

    kind = "numerics"

    def used(self, theta, g, o):
        return super().used(theta, np.where(np.isfinite(g), g, 0), o)


class OverflowIsNan(Bent):
    """The quotient is formed from g^2 and g sqrt(S): inf / inf on overflow.

    A large gradient that should do no harm destroys the weight.
    """

    kind = "numerics"

    def update(self, g, s, clr, o):
        std = np.sqrt(s) + o["eps"]
        return np.where(np.isinf(s), clr * (g * g) / (g * std), clr * g / std)


class FlushesSubnormals(Bent):
    """Subnormal results become zero, undeclared.

    A port with gradual underflow no longer agrees with it.
    """

    kind = "numerics"

    def formula(self, theta, g, s, clr, o):
        theta, s = super().formula(theta, g, s, clr, o)
        small = {2: 2.0**-126, 4: 2.0**-126, 8: 2.0**-1022}[theta.itemsize]
        return np.where(np.abs(theta) < small * (1 - 1e-15), 0, theta), s

    def move(self, p, grad, state, o):
        super().move(p, grad, state, o)
        if p.data.dtype == np.float16:
            p.data[np.abs(p.data) < 2.0**-14] = 0


class EpsInParamFormat(Bent):
    """eps is rounded to binary16, to 0.  Known bugs 3 and 4."""

    kind = "numerics"

    def move(self, p, grad, state, o):
        eps = float(np.asarray(o["eps"]).astype(p.data.dtype))
        super().move(p, grad, state, {**o, "eps": eps})
