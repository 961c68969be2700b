"""Mutants by size and shape: right below some size, wrong in one place beyond it."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

KIND = "layout"


class _Bad(Bent):
    """Elements that `bad` marks step by `worse`, all others rightly."""

    def move(self, p, grad, state, o):
        theta, s = p.data.copy(), state["sum"].copy()
        bad = self.bad(p, grad)
        super().move(p, grad, state, o)
        if bad is None or not np.any(bad):
            return
        right = p.data.copy(), state["sum"].copy()
        p.data[...], state["sum"][...] = theta, s
        self.worse(p, grad, state, o)
        bad = np.broadcast_to(bad, p.data.shape)
        p.data[...] = np.where(bad, p.data, right[0])
        state["sum"][...] = np.where(bad, state["sum"], right[1])

    def bad(self, p, grad):
        """A mask that broadcasts to the shape of the param, or None."""
        raise NotImplementedError

    def worse(self, p, grad, state, o):
        """Take the wrong step; by default none at all."""


def places(p):
    return np.arange(p.data.size).reshape(p.data.shape)


class _Undecayed(_Bad):
    """The wrong step has no weight decay."""

    kind = "decay"

    def worse(self, p, grad, state, o):
        Bent.move(self, p, grad, state, {**o, "weight_decay": 0.0})


class _FirstRate(_Bad):
    """The wrong step has lr itself as its rate."""

    kind = "rate"

    def worse(self, p, grad, state, o):
        Bent.move(self, p, grad, state, {**o, "lr_decay": 0.0})


class PartialBlockUndecayed(_Undecayed):
    """The last, partial block of 1,024 elements has no weight decay.

    The tail of every large layer is regularised by nothing.
    """

    def bad(self, p, grad):
        n = p.data.size
        return places(p) >= n - n % 1024 if n > 1024 else None


class SecondChunkFirstRate(_FirstRate):
    """Elements from the 4,097th on use lr itself, not the decayed rate.

    Half of a large layer never slows down.
    """

    def bad(self, p, grad):
        return places(p) >= 4096


class LastPlaneSkipped(_Bad):
    """In a param of three dimensions and over 512 elements the last plane never moves.

    The last head of an attention layer never learns.
    """

    def bad(self, p, grad):
        if p.data.ndim != 3 or p.data.size <= 512:
            return None
        plane = np.arange(p.data.shape[0]) == p.data.shape[0] - 1
        return plane[:, None, None]


class TileCornerSkipped(_Bad):
    """Of matrices with more than 32 rows and columns the last partial tile stays.

    Both remainders are handled, their meeting is not: a corner never learns.
    """

    def bad(self, p, grad):
        if p.data.ndim != 2 or min(p.data.shape) <= 32:
            return None
        full = [n - n % 32 for n in p.data.shape]
        rows, columns = (
            np.arange(n) >= k for n, k in zip(p.data.shape, full, strict=True)
        )
        return rows[:, None] & columns


class ColumnsBeyond512Undecayed(_Undecayed):
    """Columns from the 513th on have no weight decay.

    A row is worked on by at most 512 threads, and the rest by an older kernel.
    """

    def bad(self, p, grad):
        return np.arange(p.data.shape[-1]) >= 512 if p.data.ndim > 1 else None


class ColumnVectorTailSkipped(_Bad):
    """The last row of a column of more than 256 rows never moves.

    The output weight of one hidden unit is frozen.
    """

    def bad(self, p, grad):
        shape = p.data.shape
        tall = len(shape) == 2 and shape[1] == 1 and shape[0] > 256
        return (np.arange(shape[0]) == shape[0] - 1)[:, None] if tall else None


class OddRowsLoseTheirLast(_FirstRate):
    """In rows of an odd length beyond 8 the last element uses lr itself.

    Pairs are loaded at once, and the odd one by code without the schedule.
    """

    def bad(self, p, grad):
        if p.data.ndim < 2 or p.data.shape[-1] < 9 or p.data.shape[-1] % 2 == 0:
            return None
        return np.arange(p.data.shape[-1]) == p.data.shape[-1] - 1


class ExactBlocksTwice(_Bad):
    """Where the size is a multiple of 2,048 the last block of 64 steps twice.

    A loop runs once too often, but only for the sizes that fit best.
    """

    def bad(self, p, grad):
        n = p.data.size
        return places(p) >= n - 64 if n and n % 2048 == 0 else None

    def worse(self, p, grad, state, o):
        Bent.move(self, p, grad, state, o)
        Bent.move(self, p, grad, state, o)


class LoneTailOldSum(_Bad):
    """With 32 k + 1 elements the last one is divided by the root of the old S.

    A bias that is appended to the weights overshoots.
    """

    kind = "formula"

    def bad(self, p, grad):
        n = p.data.size
        return places(p) == n - 1 if n > 32 and n % 32 == 1 else None

    def worse(self, p, grad, state, o):
        theta, s = p.data.copy(), state["sum"].copy()
        Bent.move(self, p, grad, state, o)
        new = state["sum"].copy()
        g = np.asarray(self.used(theta, np.asarray(grad), o))
        old = np.where(s > 0, s, new)
        p.data[...] = theta - self.update(g, old, self.rate(state["step"], o), o)


class SliceBoundaryTwice(_Bad):
    """From 32,768 elements on four workers share them; each first element steps twice.

    Slices overlap by one, and three weights of a million run ahead.
    """

    def bad(self, p, grad):
        n = p.data.size
        if n < 32_768:
            return None
        return np.isin(places(p), [n // 4, n // 2, n - n // 4])

    worse = ExactBlocksTwice.worse


class IndexWrapsInBfloat16(_Bad):
    """In bfloat16 the gradient of element 65,536 + i is that of element i.

    A kernel for 16-bit formats counts in 16 bits too.
    """

    def bad(self, p, grad):
        wraps = p.data.dtype.name == "bfloat16" and p.data.size > 65_536
        return places(p) >= 65_536 if wraps else None

    def worse(self, p, grad, state, o):
        flat = np.ravel(grad)
        wrong = flat[np.arange(flat.size) & 0xFFFF].reshape(p.data.shape)
        Bent.move(self, p, wrong, state, o)


class SumIndexWraps(_Bad):
    """S of element 32,768 + i is updated by the gradient of element i.

    A signed 16-bit index: the update is right at first, and its rate is not.
    """

    kind = "formula"

    def bad(self, p, grad):
        return places(p) >= 32_768

    def worse(self, p, grad, state, o):
        flat = np.ravel(grad)
        wrong = flat[np.arange(flat.size) & 0x7FFF].reshape(p.data.shape)
        Bent.move(self, p, wrong, state, o)


class SixDimensionsUndecayed(_Undecayed):
    """A param of six dimensions or more has no weight decay.

    Volumes with channels in groups are not regularised.
    """

    def bad(self, p, grad):
        return np.ones((), bool) if p.data.ndim > 5 else None


class StridedSecondBufferLost(_Bad):
    """A strided param is copied 8,192 elements at a time; the second copy is lost.

    The lower half of a large transposed weight never learns.
    """

    def bad(self, p, grad):
        n, strided = p.data.size, not p.data.flags.c_contiguous
        return (places(p) // 8192) % 2 == 1 if strided and n > 8192 else None


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    PartialBlockUndecayed: ("numerics/fresh",),
    SecondChunkFirstRate: ("numerics/meetings",),
    LastPlaneSkipped: ("numerics/meetings",),
    TileCornerSkipped: ("numerics/meetings",),
    ColumnVectorTailSkipped: ("numerics/meetings",),
    OddRowsLoseTheirLast: ("layout/any-size",),
    ExactBlocksTwice: ("layout/any-size",),
    LoneTailOldSum: ("layout/any-size",),
    SliceBoundaryTwice: ("layout/any-size",),
    SumIndexWraps: ("layout/any-size",),
    StridedSecondBufferLost: ("numerics/meetings",),
}

#: Mutants that no check of the suite finds, and why.
ALIVE: dict[type, str] = {
    ColumnsBeyond512Undecayed: ("No matrix has more than 512 columns."),
    IndexWrapsInBfloat16: (
        "No bfloat16 param has more than 65,536 elements in the default run."
    ),
    SixDimensionsUndecayed: ("No param of six dimensions steps with weight_decay."),
}
