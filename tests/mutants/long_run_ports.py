"""Sly mutants of long runs: right for hundreds of steps, and then no longer."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

KIND = "formula"


class _Aging(Bent):
    """Each param has an age: how many steps this object has taken with it."""

    def _step_param(self, p, group):
        ages = self.__dict__.setdefault("ages", {})
        ages[p] = self.age = ages.get(p, 0) + 1
        super()._step_param(p, group)


class SumResetAfterThousand(_Aging):
    """S starts anew every 1,000 steps.  Rates jump back up."""

    def grown(self, s, g, o):
        return super().grown(s * 0 if self.age % 1000 == 0 else s, g, o)


class SumResetAfterTenThousand(_Aging):
    """S starts anew after 10,000 steps.  Rates jump back up once in a long run."""

    def grown(self, s, g, o):
        return super().grown(s * 0 if self.age == 10_000 else s, g, o)


class CounterWrapsAt8192(_Aging):
    """t has 13 bits.  After a day of training the rate is the first one again."""

    kind = "rate"

    def _step_param(self, p, group):
        super()._step_param(p, group)
        self.state[p]["step"] *= self.age != 2**13


class OneParamStops(_Aging):
    """A param but the first stands still after 5,000 steps, while t counts on.

    Biases stop learning overnight.
    """

    def move(self, p, grad, state, o):
        if self.age <= 5000 or p is next(self._params()):
            super().move(p, grad, state, o)


class NoEpsBeyondThousand(_Aging):
    """From step 1,025 on eps is left out.  A late zero gradient on S = 0 makes NaN."""

    def update(self, g, s, clr, o):
        return super().update(g, s, clr, {**o, "eps": o["eps"] * (self.age <= 2**10)})


class SumNarrowsLate(_Aging):
    """From step 513 on S has 24 bits, also for binary64 params.

    A long run in binary64 has seven digits.
    """

    kind = "numerics"

    def grown(self, s, g, o):
        s = super().grown(s, g, o)
        return s if self.age <= 2**9 else s.astype(np.float32).astype(s.dtype)


class SumSaturates(_Aging):
    """S stops growing after 8,192 steps.

    Rates stop falling, and training never settles.
    """

    def grown(self, s, g, o):
        return super().grown(s, g, o) if self.age <= 2**13 else s


LONG = "algorithm/long-run"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    SumResetAfterThousand: (LONG,),
    SumResetAfterTenThousand: (LONG,),
    CounterWrapsAt8192: (LONG,),
    OneParamStops: (LONG,),
    NoEpsBeyondThousand: (LONG,),
    SumNarrowsLate: (LONG,),
    SumSaturates: (LONG,),
}
