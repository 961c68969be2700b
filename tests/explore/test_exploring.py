"""What is wrong in a port is found and shrunk, and nothing is found in right ones."""

from __future__ import annotations

import pytest
from explore_kit import (
    adapter_of,
    drawn,
    explored,
    happenings,
    kinds,
)
from hypothesis import Phase, settings

from adagrad_conformance import explore as package
from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.base import Malformed
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad
from adagrad_conformance.explore import check, explore, scenarios
from adagrad_conformance.explore import search as search_module
from adagrad_conformance.transport.errors import Crash, Timeout
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.claims import needed_claims
from adagrad_reference.scenario import (
    Step,
    Steps,
)

# -- right ports -----------------------------------------------------------------------

RIGHT = {
    "numpy": numpy_own.NumpyAdapter,
    "own/torch-single": torch_own.single,
    "own/torch-foreach": torch_own.foreach,
    "torch/single": torch_optim.single,
    "torch/foreach": torch_optim.foreach,
}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_found_in_right_ports(name):
    search = explored(RIGHT[name], 60)
    assert search.found is None, search.found
    assert search.examples >= 120
    assert search.events > 6 * search.examples


def test_nothing_is_found_where_no_state_is_shown():
    search = explored(RIGHT["numpy"], 25, without={"state", "state-write"})
    assert search.found is None, search.found


def test_the_example_in_the_docstrings_runs():
    for text in (package.__doc__, scenarios.__doc__):
        lines = text.splitlines()
        start = next(i for i, x in enumerate(lines) if "from hypothesis" in x)
        indent = lines[start].index("from")
        code = "\n".join(x[indent:] for x in lines[start : start + 6])
        names = {"MyAdapter": numpy_own.NumpyAdapter}
        exec(compile(code, "example", "exec"), names)
        few = settings(
            max_examples=10,
            database=None,
            derandomize=True,
            deadline=None,
            phases=[Phase.generate],
        )
        test = few(names["test_my_port"])
        test()
        names["MyAdapter"] = adapter_of(PlusSign)
        with pytest.raises(AssertionError):
            test()


# -- wrong ports -----------------------------------------------------------------------


class PlusSign(Adagrad):
    """Theta moves the wrong way."""

    def _step_param(self, p, group):
        before = p.data.copy()
        super()._step_param(p, group)
        p.data[...] = before + (before - p.data)


class SharedState(Adagrad):
    """The state hangs on the param: all optimizers over it have one."""

    def __init__(self, params, **options):
        super().__init__(params, **options)
        for group in self.param_groups:
            for p in group["params"]:
                p.state = self.state[p] = getattr(p, "state", self.state[p])


class LoadsNothing(Adagrad):
    """load_state_dict does nothing."""

    def load_state_dict(self, state_dict):
        pass


class Hasty(Adagrad):
    """Crashes in the third step."""

    def step(self, closure=None):
        if any(state.get("step", 0) >= 2 for state in self.state.values()):
            raise ZeroDivisionError("too fast")
        return super().step(closure)


def test_a_verdict_on_the_spot():
    (scenario, *_) = [s for s in drawn(30) if "Step" in kinds(s) and "complex" not in
                      set(happenings(s)) | needed_claims(s)]  # fmt: skip
    assert check(numpy_own.NumpyAdapter, scenario).status == "pass"
    wrong = [check(adapter_of(PlusSign), s) for s in drawn(30)]
    assert {v.status for v in wrong} == {"pass", "fail", "not-claimed"}
    assert all(v.failure for v in wrong if v.status == "fail")


@pytest.mark.parametrize(
    ("port", "status", "shrunk"),
    [
        (PlusSign, "fail", ["New", "Step"]),
        (LoadsNothing, "fail", ["New", "Save", "Step", "Load"]),
        (Hasty, "crash", ["New", "Step", "Step", "Step"]),
    ],
)
def test_what_is_wrong_is_found_and_shrunk(port, status, shrunk):
    found = explored(adapter_of(port), 100).found
    assert found is not None
    assert found.steady
    assert found.verdict.status == status
    assert len(found.scenario.events) <= len(shrunk) + 1
    assert set(kinds(found.scenario)) <= {*shrunk, "SetState"}
    tensors = found.scenario.tensors.values()
    assert [tensor.size for tensor in tensors] in ([1], [1, 1])
    assert check(adapter_of(port), found.scenario).status == status
    assert check(numpy_own.NumpyAdapter, found.scenario).status == "pass"


def test_the_state_machine_finds_by_itself(monkeypatch):
    """Without the drawn scenarios; two optimizers over one param are needed."""
    monkeypatch.setattr(search_module, "_drawn", lambda *_: None)
    found = explored(adapter_of(SharedState), 100, start=2).found
    assert found is not None
    assert found.verdict.status == "fail"
    assert 3 <= len(found.scenario.events) <= 5
    assert kinds(found.scenario).count("New") == 2


def test_what_is_not_seen_each_time_is_said():
    turns = iter(range(10**6))

    class Moody(Adagrad):
        """Wrong once, in its fortieth step."""

        def step(self, closure=None):
            loss = super().step(closure)
            if next(turns) == 40:
                for group in self.param_groups:
                    for p in group["params"]:
                        p.data += 0.5
            return loss

    found = explored(adapter_of(Moody), 100).found
    assert found is not None
    assert not found.steady


class Dying(InProcessClient):
    """A port that ends in its fifth step, for good or to be started again."""

    steps = 0
    alive = True

    def __init__(self, factory, again):
        super().__init__(factory)
        self.again = again

    def start(self):
        from adagrad_conformance.transport.errors import NotLoaded

        if self.steps and not self.again:
            raise NotLoaded("gone")
        self.alive = True
        return super().start()

    def event(self, event, ask, payload=None):
        if isinstance(event, Step | Steps):
            self.steps += 1
            if self.steps >= 5:
                self.alive = False
                raise Crash("gone")
        return super().event(event, ask, payload)


@pytest.mark.parametrize("again", [True, False])
def test_a_port_that_ends_is_found(again):
    candidate = Dying(numpy_own.NumpyAdapter, again)
    identity = candidate.start()
    found = explore(candidate, identity.claims, 30, 1).found
    assert found is not None
    assert (found.verdict.status, found.verdict.reason) == ("crash", "raised")
    assert isinstance(found.scenario.events[-1], Step | Steps)


class Breaking(InProcessClient):
    """A port that breaks off at `begin`, or at an event, in a given way."""

    def __init__(self, moment, error):
        super().__init__(numpy_own.NumpyAdapter)
        self.moment, self.error = moment, error

    def begin(self, tensors):
        if self.moment == "begin":
            raise self.error
        super().begin(tensors)

    def event(self, event, ask, payload=None):
        if self.moment == "event":
            raise self.error
        return super().event(event, ask, payload)


BREAKS = {
    "crash": (Crash("gone", "signal"), "signal"),
    "timeout": (Timeout("late", "half-a-line"), "half-a-line"),
    "malformed": (Malformed("odd", "not-json"), "not-json"),
}


@pytest.mark.parametrize(
    ("moment", "status"),
    [("event", "crash"), ("begin", "malformed"), ("event", "timeout")],
)
def test_both_explorations_say_why_a_check_broke_off(monkeypatch, moment, status):
    error, cause = BREAKS[status]
    for other in ("_driven", "_drawn"):
        with monkeypatch.context() as alone:
            alone.setattr(search_module, other, lambda *_: None)
            candidate = Breaking(moment, error)
            found = explore(candidate, candidate.start().claims, 3, 1).found
        assert (found.verdict.status, found.verdict.reason) == (status, cause)
        assert found.verdict.message == str(error)
