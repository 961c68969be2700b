"""Mutants by history: right in each event, wrong after certain earlier ones."""

from __future__ import annotations

import numpy as np
from mutant_kit import Bent

KIND = "state"


class _Noting(Bent):
    """Notes things about params and groups, beside the state."""

    def noted(self, name):
        return self.__dict__.setdefault("notes", {}).setdefault(name, {})

    def pairs(self):
        return ((p, group) for group in self.param_groups for p in group["params"])


# -- skipped steps ---------------------------------------------------------------------


class FifthNoneRestartsRate(_Noting):
    """The fifth skipped step of a param, over the whole run, restarts its schedule.

    An expert that is chosen now and then gets the first rate again and again.
    """

    kind = "gradients"

    def step(self, closure=None):
        loss = super().step(closure)
        skipped, start = self.noted("skipped"), self.noted("start")
        for p, _ in self.pairs():
            if p.grad is None:
                skipped[p] = skipped.get(p, 0) + 1
                if skipped[p] % 5 == 0:
                    start[p] = self.state[p]["step"]
        return loss

    def _step_param(self, p, group):
        self.start = self.noted("start").get(p, 0)
        super()._step_param(p, group)

    def rate(self, t, o):
        return super().rate(t - self.start if t > self.start else t, o)


class ChangeMissedWhileSkipped(_Noting):
    """A changed lr reaches the params that have a gradient in the next step, no others.

    A layer that is skipped at the milestone keeps the old rate.
    """

    def step(self, closure=None):
        last, rates = self.noted("last"), self.noted("rates")
        changed = [
            last.get(i) != g["lr"] for i, g in enumerate(self.param_groups)
        ]  # since the last step
        for i, group in enumerate(self.param_groups):
            for p in group["params"]:
                if p not in rates or (changed[i] and p.grad is not None):
                    rates[p] = group["lr"]
            last[i] = group["lr"]
        return super().step(closure)

    def _step_param(self, p, group):
        super()._step_param(p, {**group, "lr": self.noted("rates")[p]})


class CountersMeetAtTwenty(_Noting):
    """At t = 20 the rate goes over to the largest counter of the optimizer.

    A layer that was frozen at first loses the rate that it is due.
    """

    kind = "rate"

    def rate(self, t, o):
        most = max(state["step"] for state in self.state.values())
        return super().rate(most if t >= 20 else t, o)


class DeadAfterFiveZeros(_Noting):
    """A param whose gradient was zero five times in a row decays no more.

    Pruned units keep weights that the regularisation should remove.
    """

    kind = "decay"

    def _step_param(self, p, group):
        zeros = self.noted("zeros")
        zeros[p] = 0 if np.any(p.grad) else zeros.get(p, 0) + 1
        decay = 0.0 if zeros[p] >= 5 else group["weight_decay"]
        super()._step_param(p, {**group, "weight_decay": decay})


class TurningElementsNotSummed(_Noting):
    """At the third turn of its sign in a row an element's S does not grow.

    A guard against oscillation from another method is left in.
    """

    kind = "formula"

    def move(self, p, grad, state, o):
        sign, turns = self.noted("sign"), self.noted("turns")
        new = np.sign(np.asarray(grad, np.float64))
        turned = new * sign.get(p, np.zeros_like(new)) < 0
        turns[p] = np.where(turned, turns.get(p, 0) + 1, 0)
        sign[p], old = new, state["sum"].copy()
        super().move(p, grad, state, o)
        state["sum"][...] = np.where(turns[p] == 3, old, state["sum"])


# -- options that change and change back -----------------------------------------------


class _Turning(_Noting):
    """Counts how often an option of a group has changed."""

    option = "lr"

    def step(self, closure=None):
        last, turns = self.noted("last"), self.noted("turns")
        for i, group in enumerate(self.param_groups):
            value = group[self.option]
            turns[i] = turns.get(i, 0) + (last.setdefault(i, value) != value)
            self.turned(i, group, last[i], turns[i])
            last[i] = value
        return super().step(closure)

    def turned(self, i, group, before, turns):
        """See the value before and the number of changes."""

    def turns_of(self, p):
        groups = enumerate(self.param_groups)
        i = next(i for i, group in groups if any(p is q for q in group["params"]))
        return self.noted("turns")[i]


class DecaySwitchedOnOnce(_Turning):
    """weight_decay that was switched off and on again stays off.

    A warm-up without decay in each cycle loses it from the second cycle on.
    """

    kind = "decay"
    option = "weight_decay"

    def _step_param(self, p, group):
        decay = group["weight_decay"] if self.turns_of(p) < 2 else 0.0
        super()._step_param(p, {**group, "weight_decay": decay})


class ThirdTurnIgnored(_Turning):
    """The third change of maximize in a row is not seen.

    Two players that take turns on one optimizer: the second round goes wrong.
    """

    kind = "decay"
    option = "maximize"

    def _step_param(self, p, group):
        flag = group["maximize"] ^ (self.turns_of(p) >= 3)
        super()._step_param(p, {**group, "maximize": flag})


class FlagRestartsRate(_Turning):
    """A change of maximize sets the counters back to zero.

    The decayed rate jumps up when the objective is turned.
    """

    kind = "rate"
    option = "maximize"

    def turned(self, i, group, before, turns):
        if before != group["maximize"]:
            for p in group["params"]:
                self.state[p]["step"] = 0


class WarmRestartResetsCounter(_Turning):
    """An lr that rises tenfold at once counts as a restart: t begins anew.

    A cyclic schedule undoes lr_decay.
    """

    kind = "rate"

    def turned(self, i, group, before, turns):
        if before > 0 and group["lr"] >= 10 * before:
            for p in group["params"]:
                self.state[p]["step"] = 0


class FrozenRateNeverThaws(_Noting):
    """A group whose lr was 0 for three steps is taken out for good.

    Gradual unfreezing by rates never reaches the lower layers.
    """

    kind = "rate"

    def step(self, closure=None):
        still = self.noted("still")
        for i, group in enumerate(self.param_groups):
            frozen = still.get(i, 0)
            still[i] = frozen if frozen >= 3 else frozen + 1 if not group["lr"] else 0
            for p in group["params"]:
                self.noted("frozen")[p] = still[i] >= 3
        return super().step(closure)

    def _step_param(self, p, group):
        lr = 0.0 if self.noted("frozen")[p] else group["lr"]
        super()._step_param(p, {**group, "lr": lr})


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    FifthNoneRestartsRate: ("algorithm/long-run",),
    ChangeMissedWhileSkipped: ("state-dict/deepcopy",),
    CountersMeetAtTwenty: ("lr-decay/schedule",),
    DeadAfterFiveZeros: ("none-vs-zero/zero-steps",),
    TurningElementsNotSummed: ("algorithm/accumulator",),
    DecaySwitchedOnOnce: ("groups/option-change",),
    ThirdTurnIgnored: ("groups/option-change",),
    FlagRestartsRate: ("groups/option-change",),
    WarmRestartResetsCounter: ("state-dict/deepcopy",),
    FrozenRateNeverThaws: ("groups/option-change",),
}
