"""Mutants after an error: a run goes on, and not as if nothing had happened."""

from __future__ import annotations

from mutant_kit import Bent
from open_port import Open

KIND = "state"


class ClosureErrorSkipsNextStep(Open):
    """A flag against nested steps stays up when a closure raises.

    The first step after a failed evaluation does nothing.
    """

    kind = "gradients"
    busy = False

    def step(self, closure=None):
        if self.busy:
            self.busy = False
            return None if closure is None else closure()
        self.busy = True
        loss = super().step(closure)
        self.busy = False
        return loss


class ClosureErrorCounts(Open):
    """A step whose closure raises counts for the rate.

    A run with retries decays faster than one without.
    """

    kind = "rate"
    failed = 0

    def step(self, closure=None):
        try:
            return super().step(closure)
        except Exception:
            self.failed += 1
            raise

    def rate(self, t, grad, o):
        return super().rate(t + self.failed, grad, o)


class RefusedGroupLeavesDefaults(Bent):
    """A refused group's eps becomes the default of the groups that come later.

    A program that catches the error and goes on trains by other options.
    """

    def add_param_group(self, param_group):
        try:
            super().add_param_group(param_group)
        except (TypeError, ValueError):
            eps = param_group.get("eps", self.defaults["eps"])
            self.defaults["eps"] = eps if eps >= 0 else 0.0
            raise


class RefusedGradientCounts(Bent):
    """A step that is refused for a misfit gradient has advanced the counters before it.

    A run that catches the error goes on with another rate.
    """

    kind = "rate"

    def step(self, closure=None):
        try:
            return super().step(closure)
        except ValueError:
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None and p.grad.shape != p.data.shape:
                        raise
                    self.state[p]["step"] += p.grad is not None
            raise


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    ClosureErrorSkipsNextStep: ("closure/raises",),
    ClosureErrorCounts: ("closure/raises",),
    RefusedGroupLeavesDefaults: ("groups/duplicate-refused",),
}

#: Mutants that no check of the suite finds, and why.
ALIVE: dict[type, str] = {
    RefusedGradientCounts: ("No scenario can give a gradient of a wrong shape."),
}
