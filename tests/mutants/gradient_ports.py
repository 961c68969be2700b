"""Sly mutants of None and zero: wrong only in company, after a load, or later."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

KIND = "gradients"


class NoneIsZeroWithDecay(Bent):
    """None steps as zero would, but only with lr_decay.

    Frozen layers decay and their t runs, but only on a schedule.
    """

    def step(self, closure=None):
        loss = None if closure is None else closure()
        bare = [
            p
            for group in self.param_groups
            for p in group["params"]
            if p.grad is None and group["lr_decay"]
        ]
        for p in bare:
            p.grad = np.zeros_like(p.data)
        super().step()
        for p in bare:
            p.grad = None
        return loss


class AllNoneCounts(Bent):
    """Where no param at all has a gradient, t advances all the same.

    A batch that is skipped decays the rate.
    """

    def step(self, closure=None):
        loss = super().step(closure)
        if all(p.grad is None for p in self._params()):
            for p in self._params():
                self.state[p]["step"] += 1
        return loss


class NoneFirstIsFrozen(Bent):
    """Who has no gradient in the first step with one is left out for good.

    A branch that is used from the second batch on never learns.
    """

    def step(self, closure=None):
        loss = None if closure is None else closure()
        present = {p for p in self._params() if p.grad is not None}
        self.living = getattr(self, "living", present) or present
        super().step()
        return loss

    def _step_param(self, p, group):
        if p in self.living:
            super()._step_param(p, group)


class NoneAfterLoadSteps(Bent):
    """After a load, who is skipped at first gets the t of a step.

    A frozen layer's schedule slips with every resume.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.loaded = True

    def step(self, closure=None):
        loss = super().step(closure)
        if self.__dict__.pop("loaded", False):
            for p in self._params():
                self.state[p]["step"] += p.grad is None
        return loss


class ZeroAfterNoneSkipped(Bent):
    """A zero gradient that follows a None is taken for None.

    A layer misses a step of decay after each pause.
    """

    def step(self, closure=None):
        loss = None if closure is None else closure()
        self.missed = getattr(self, "last", set())
        super().step()
        self.last = {p for p in self._params() if p.grad is None}
        return loss

    def _step_param(self, p, group):
        if p not in self.missed or p.grad.any():
            super()._step_param(p, group)


class ZeroGradMakesZeros(Bent):
    """zero_grad(set_to_none=False) gives zeros to those who had None.

    Unreached layers decay and count.
    """

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        for p in () if set_to_none else self._params():
            p.grad = np.zeros_like(p.data)


class ZeroGradResetsSum(Bent):
    """zero_grad zeroes S too.

    It becomes sign descent for who zeroes gradients, as everybody does.
    """

    def zero_grad(self, set_to_none=True):
        super().zero_grad(set_to_none)
        for p in self._params():
            self.state[p]["sum"][...] = 0


class ClosureGradientsStale(Bent):
    """The step uses the gradients that were there before the closure.

    Every step is one batch behind.
    """

    def step(self, closure=None):
        before = {p: p.grad for p in self._params()}
        loss = None if closure is None else closure()
        after = {p: p.grad for p in self._params()}
        for p, grad in before.items():
            p.grad = grad
        super().step()
        for p, grad in after.items():
            p.grad = grad
        return loss


BYTES = "state-dict/bytes"
MIXED = "none-vs-zero/interleaved"
OWN = "lr-decay/own-counter"
SKIPS = "none-vs-zero/none-skips"
TO_NONE = "zero-grad/to-none"
TO_ZERO = "zero-grad/to-zero"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    NoneIsZeroWithDecay: (SKIPS, MIXED),
    AllNoneCounts: (SKIPS, MIXED),
    NoneFirstIsFrozen: (SKIPS, OWN),
    NoneAfterLoadSteps: (SKIPS, MIXED, BYTES),
    ZeroAfterNoneSkipped: (MIXED,),
    ZeroGradMakesZeros: ("zero-grad/keeps-none",),
    ZeroGradResetsSum: (TO_NONE, TO_ZERO),
    ClosureGradientsStale: ("closure/once",),
}
