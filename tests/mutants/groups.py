"""Mutants of groups and their options."""

from __future__ import annotations

from mutant_kit import Bent

KIND = "state"


def options_of(group):
    return {name: value for name, value in group.items() if name != "params"}


class GroupOptionsIgnored(Bent):
    """Every group steps with the constructor's options.  Known bug 87."""

    def move(self, p, grad, state, o):
        super().move(p, grad, state, self.defaults)


class FirstGroupForAll(Bent):
    """Every group steps with the first group's options.  Known bug 87."""

    def _step_param(self, p, group):
        super()._step_param(p, self.param_groups[0])


class ThirdGroupWrong(Bent):
    """Groups after the second use the defaults.

    Tests with two groups see nothing; the head's learning rate is lost.
    """

    def _step_param(self, p, group):
        late = all(group is not g for g in self.param_groups[:2])
        super()._step_param(p, self.defaults if late else group)


class OptionsLeak(Bent):
    """A group's options become the defaults of those behind it.

    A rate meant for the backbone moves the head as well.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        self.defaults.update(options_of(self.param_groups[-1]))


class FalsyOverrideIgnored(Bent):
    """`option or default`: a group cannot switch decay or maximize off.

    Biases that must not decay do.
    """

    def add_param_group(self, param_group):
        kept = {k: v for k, v in param_group.items() if k == "params" or v}
        super().add_param_group(kept)


class OptionsCached(Bent):
    """Options are read once.  Learning-rate schedulers go dead."""

    def move(self, p, grad, state, o):
        cached = state.setdefault("options", options_of(o))
        super().move(p, grad, state, cached)


class FirstGroupCached(Bent):
    """Only the first group's options are read once.

    A scheduler goes dead for the backbone alone.
    """

    def move(self, p, grad, state, o):
        if o is self.param_groups[0]:
            o = state.setdefault("options", options_of(o))
        super().move(p, grad, state, o)


class OptionChangeLate(Bent):
    """A changed option takes effect one step later.

    Every schedule is one step behind.
    """

    def move(self, p, grad, state, o):
        last = state.get("options", options_of(o))
        state["options"] = options_of(o)
        super().move(p, grad, state, last)


class OptionChangeReachesAll(Bent):
    """Groups without options of their own share one dict.

    A schedule for one group changes its neighbours.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        if set(param_group) == {"params"}:
            self.bare = [*getattr(self, "bare", ()), self.param_groups[-1]]

    def move(self, p, grad, state, o):
        bare = getattr(self, "bare", ())
        changed = {
            name: group[name]
            for group in bare
            for name in self.defaults
            if group[name] != self.defaults[name]
        }
        shared = any(o is group for group in bare)
        super().move(p, grad, state, {**o, **changed} if shared else o)


class SwitchingOffIgnored(Bent):
    """An option that is changed to 0 or False keeps its old value.

    Weight decay that is ended after a warm-up goes on.
    """

    def move(self, p, grad, state, o):
        old = state.get("options", {})
        state["options"] = {k: v or old.get(k, v) for k, v in options_of(o).items()}
        super().move(p, grad, state, state["options"])


class AddResetsOlder(Bent):
    """Adding a group makes the state of all params anew.

    Unfreezing a layer sends the decayed rate of all others back to the start.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self._params():
            self.state[p]["step"] = 0


class AddedStartsLate(Bent):
    """Added params start with the t of the older ones.

    An unfrozen layer begins with a rate that is decayed already.
    """

    def add_param_group(self, param_group):
        latest = max((state["step"] for state in self.state.values()), default=0)
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.state[p]["step"] = latest


class AddedWithoutInitial(Bent):
    """Added params start with S = 0.  Known bug 7."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        if any(state["step"] for state in self.state.values()):
            for p in self.param_groups[-1]["params"]:
                self.state[p]["sum"][...] = 0


class AddedNeverSteps(Bent):
    """The list of params is made once.  Known bugs 23 and 78."""

    def step(self, closure=None):
        self.known = getattr(self, "known", set()) or set(self._params())
        return super().step(closure)

    def _step_param(self, p, group):
        if p in self.known:
            super()._step_param(p, group)


class AddedLikeFirst(Bent):
    """What an added group leaves out comes from the first group.  Known bug 79."""

    def add_param_group(self, param_group):
        stepped = any(state["step"] for state in self.state.values())
        first = options_of(self.param_groups[0]) if stepped else {}
        super().add_param_group({**first, **param_group})


class AddedLikeLast(Bent):
    """What an added group leaves out comes from the group before it.

    A new layer trains by the rate of whichever layer came before.
    """

    def add_param_group(self, param_group):
        last = options_of(self.param_groups[-1]) if self.param_groups else {}
        super().add_param_group({**last, **param_group})


class GroupInitialIgnored(Bent):
    """A group's initial_accumulator_value is dead.  Known bug 7."""

    def add_param_group(self, param_group):
        name = "initial_accumulator_value"
        super().add_param_group({**param_group, name: self.defaults[name]})
