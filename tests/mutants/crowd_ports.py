"""Sly mutants of crowds: right for few elements, params, rows and optimizers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from mutant_kit import Bent
from open_port import Open

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad, adagrad_

KIND = "layout"


class _Missed(Bent):
    """Puts back the elements that `missed` marks."""

    def missed(self, p):
        raise NotImplementedError

    def move(self, p, grad, state, o):
        before, s = p.data.copy(), state["sum"].copy()
        super().move(p, grad, state, o)
        missed = self.missed(p).reshape(p.data.shape)
        p.data[missed], state["sum"][missed] = before[missed], s[missed]


class PowerOfTwoTailSkipped(_Missed):
    """The last element is left out where their number is a power of two from 128 on.

    Off by one in a loop over full blocks: one weight of most real layers never learns.
    """

    def missed(self, p):
        n = p.data.size
        return (np.arange(n) == n - 1) & (n >= 128 and n & (n - 1) == 0)


class WrongInTheMiddle(_Missed):
    """Element 300 never moves in params of 301 to 3,999 elements.

    Between the sizes of small tests and of one large test nobody looks.
    """

    def missed(self, p):
        n = p.data.size
        return (np.arange(n) == 299) & (300 < n < 4000)


class WrongBeyond5000InBinary64(_Missed):
    """Elements from the 5,001st on never move, in binary64 alone.

    A kernel is chosen by format, and one of them has too small a grid.
    """

    def missed(self, p):
        return (np.arange(p.data.size) >= 5000) & (p.data.itemsize == 8)


class WrongBeyond5000In16Bits(_Missed):
    """Elements from the 5,001st on never move, in the 16-bit formats alone.

    A kernel is chosen by format, and one of them has too small a grid.
    """

    def missed(self, p):
        return (np.arange(p.data.size) >= 5000) & (p.data.itemsize == 2)


class WrongBeyond100000(_Missed):
    """Elements from the 100,001st on never move.

    A buffer has a fixed size, and the rest of an embedding never learns.
    """

    def missed(self, p):
        return np.arange(p.data.size) >= 100_000


class SeventeenthFewUlpsOff(Bent):
    """Element 17 is off by three units in its last place.

    The scalar tail behind the first vector rounds wrongly; a tolerance hides it.
    """

    def move(self, p, grad, state, o):
        super().move(p, grad, state, o)
        if p.data.size > 16 and p.data.flags.c_contiguous:
            flat = p.data.reshape(-1)
            for _ in range(3):
                flat[16] = np.nextafter(flat[16], flat.dtype.type(np.inf))


class FourDimensionsSkipped(Bent):
    """A param of four dimensions never moves.

    The kernels of convolutions never learn.
    """

    def move(self, p, grad, state, o):
        if p.data.ndim != 4:
            super().move(p, grad, state, o)


class ParamsBeyond256Skipped(Bent):
    """Params from the 257th on never move: their number is kept in a byte.

    The last layers of a deep model never learn.
    """

    kind = "state"

    def _step_param(self, p, group):
        if p in list(self._params())[:256]:
            super()._step_param(p, group)


class OldestOptimizerForgotten(Bent):
    """S lives in a table for eight optimizers; a ninth one clears the oldest's.

    Training many small models side by side silently becomes sign descent.
    """

    kind = "state"
    live: ClassVar = []

    def __init__(self, params, **options):
        super().__init__(params, **options)
        self.live.append(self)
        if len(self.live) > 8:
            for state in self.live.pop(0).state.values():
                state["sum"][...] = 0


class StateByInitialValue(Bent):
    """Params that start alike share their state: it is looked up by their bits.

    All biases start at zero.
    """

    kind = "state"

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        kept = self.__dict__.setdefault("kept", {})
        for p in self.param_groups[-1]["params"]:
            if p.data.size:
                key = p.data.dtype, p.data.shape, p.data.tobytes()
                self.state[p] = kept.setdefault(key, self.state[p])


class RepeatedGradientIgnored(Bent):
    """A gradient with the bits of the last one is not accumulated again.

    A constant gradient, as of a linear term, never lets the rate fall.
    """

    kind = "gradients"

    def move(self, p, grad, state, o):
        last, state["last"] = state.get("last"), grad.copy()
        again = last is not None and bool((last == grad).all() and grad.any())
        s = state["sum"].copy()
        super().move(p, grad, state, o)
        if again:
            state["sum"][...] = s


class SquareOfSameTensorKept(SingleTensorAdagrad):
    """The square of a gradient is kept as long as the gradient is the same tensor.

    Backward writes into that tensor in place, and S grows by old squares.
    """

    kind = "gradients"

    def _update(self, slots, weight_decay, eps, maximize):
        kept = self.__dict__.setdefault("kept", {})
        for theta, g, s, clr in slots:
            if weight_decay:
                adagrad_(theta, g, s, clr, weight_decay, eps, maximize)
                continue
            if kept.get(id(theta), (None,))[0] is not g:
                kept[id(theta)] = g, g * g
            s.add_(kept[id(theta)][1])
            sign = 1 if maximize else -1
            theta.addcdiv_(g, s.sqrt().add_(eps), value=sign * clr)


class RowsBeyond1000Lost(Open):
    """Rows from the 1,001st on never move.

    The rare words of a vocabulary, which is ordered by frequency, never learn.
    """

    kind = "sparse"

    def summed(self, grad):
        rows, values = super().summed(grad)
        return rows[rows < 1000], values[rows < 1000]


class RowsByFirstIndex(SingleTensorAdagrad):
    """Of two indices of a sparse gradient the first is used, for the whole row.

    A sparse matrix of single weights trains as if it were an embedding.
    """

    kind = "sparse"

    def _step_group(self, group, pairs):
        super()._step_group(group, [(p, self.rows(g)) for p, g in pairs])

    def rows(self, g):
        if not (g.is_sparse and g.sparse_dim() == 2):
            return g
        dense = g.to_dense()
        return dense.sum(1, keepdim=True).expand_as(dense).contiguous()


class EmptyComplexCrashes(Open):
    """A complex param without elements ends the step with an error.

    A view as pairs of reals is refused where there is no memory.
    """

    kind = "complex"

    def move(self, p, g, s, o):
        if p.is_complex() and p.numel() == 0:
            raise RuntimeError("the tensor has no storage")
        super().move(p, g, s, o)


class LastCountsOfDuplicates(Open):
    """A third value of one index is left out.

    Two of a kind is what tests have; frequent words learn too little.
    """

    kind = "sparse"

    def summed(self, grad):
        counts: dict[int, int] = {}
        kept = []
        for place, row in enumerate(grad._indices()[0].tolist()):
            counts[row] = counts.get(row, 0) + 1
            kept += [place] if counts[row] <= 2 else []
        parts = grad._indices()[:, kept], grad._values()[kept]
        return super().summed(torch.sparse_coo_tensor(*parts, grad.shape))


SIZE = "layout/any-size"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    PowerOfTwoTailSkipped: (SIZE,),
    WrongInTheMiddle: (SIZE,),
    WrongBeyond5000InBinary64: (SIZE,),
    WrongBeyond5000In16Bits: (SIZE,),
    WrongBeyond100000: (SIZE,),
    SeventeenthFewUlpsOff: (SIZE,),
    FourDimensionsSkipped: ("layout/strides-differ",),
    ParamsBeyond256Skipped: ("groups/own-options",),
    OldestOptimizerForgotten: ("groups/two-optimizers",),
    StateByInitialValue: ("lr-decay/schedule",),
    RepeatedGradientIgnored: ("none-vs-zero/none-skips",),
    SquareOfSameTensorKept: ("algorithm/update",),
    RowsBeyond1000Lost: ("sparse/update",),
    RowsByFirstIndex: ("sparse/update",),
    EmptyComplexCrashes: ("complex/pairs",),
    LastCountsOfDuplicates: ("sparse/duplicates-summed",),
}
