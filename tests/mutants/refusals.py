"""Mutants of refusals: what the constructor and a new group take or do not take."""

from __future__ import annotations

import math

from mutant_kit import Bent

KIND = "interface"


class DuplicateAccepted(Bent):
    """A param may be in two groups and then steps twice.

    A tied weight moves twice as fast as the user believes.
    """

    def add_param_group(self, param_group):
        kept = dict(self.state)
        self.state.clear()
        super().add_param_group(param_group)
        self.state.update(kept)


class UnsteppedDuplicateAccepted(Bent):
    """Duplicates are noticed by their state, if any.  Known bug 25."""

    def add_param_group(self, param_group):
        kept = dict(self.state)
        for p, state in kept.items():
            if not state["step"]:
                del self.state[p]
        super().add_param_group(param_group)
        self.state.update(kept)


class DuplicateHalfAdded(Bent):
    """The refused group's other params are added all the same.

    Who catches the error trains params unawares.
    """

    def add_param_group(self, param_group):
        try:
            super().add_param_group(param_group)
        except ValueError:
            fresh = [p for p in param_group["params"] if p not in self.state]
            if fresh:
                super().add_param_group({**param_group, "params": fresh})
            raise


def without_check(values):
    """The options with illegal numbers made legal, for a constructor that checks."""
    return {k: v if k == "maximize" or v >= 0 else 0.0 for k, v in values.items()}


class NegativeAccepted(Bent):
    """Negative options are accepted.  Known bug 55.  A typo trains to nonsense."""

    def __init__(self, params, **options):
        negative = {k: abs(v) for k, v in options.items() if v < 0}
        super().__init__(params, **{**options, **negative})


class NegativeRateAccepted(Bent):
    """Only lr goes unchecked.  Known bug 55."""

    def __init__(self, params, lr=1e-2, **options):
        super().__init__(params, lr=abs(lr), **options)


class NanAccepted(Bent):
    """`if value < 0: raise` lets NaN pass.

    A rate that came out as NaN ruins the weights at the first step.
    """

    def __init__(self, params, **options):
        legal = {k: 0.5 if math.isnan(v) else v for k, v in options.items()}
        super().__init__(params, **legal)


class NanEpsAccepted(Bent):
    """Only eps goes unchecked for NaN.  The weights are NaN after the first step."""

    def __init__(self, params, eps=1e-10, **options):
        super().__init__(params, eps=0.5 if math.isnan(eps) else eps, **options)


class GroupOptionsUnchecked(Bent):
    """Options of groups are not checked.  Known bug 17."""

    def add_param_group(self, param_group):
        given = {k: v for k, v in param_group.items() if k != "params"}
        params = {"params": param_group["params"]}
        super().add_param_group({**params, **without_check(given)})


class ZerosRefused(Bent):
    """lr = 0 and eps = 0 are refused, though legal.

    A warm-up from lr = 0 cannot be written.
    """

    def __init__(self, params, lr=1e-2, eps=1e-10, **options):
        if not (lr and eps):
            raise ValueError("lr and eps must be positive")
        super().__init__(params, lr=lr, eps=eps, **options)
