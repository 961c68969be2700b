"""Ports that lie, and what each gets: the status it deserves, for its own checks only.

A liar is the NumPy port with one habit, played in process.  A lie that spoils a check
is answered by `fail`, `crash` or `malformed` for that check, and the honest ones around
it still pass.
"""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from liar_kit import (
    judged,
    long_runs,
    moves,
    scenarios,
    statuses,
    those_with,
    those_with_closure,
)

from adagrad_conformance.adapters.base import Reply, Trace
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.claims import needed_claims
from adagrad_reference.scenario import (
    AddGroup,
    Load,
    Save,
    SetState,
    Step,
    Tensor,
)


def test_the_honest_port_passes():
    assert set(statuses(judged(NumpyAdapter))) == {"pass"}


# -- doing nothing, remembering, and stopping ------------------------------------------


class NoOp(NumpyAdapter):
    """Never steps, and shows that."""

    def step(self, optimizer):
        pass

    def step_with_closure(self, optimizer, ask):
        return ask({n: self.show_param(p) for n, p in self.params.items()}).loss


class CountingNoOp(NoOp):
    """Never steps, but counts."""

    def step(self, optimizer):
        port = self.optimizers[optimizer]
        for group in port.param_groups:
            for p in group["params"]:
                port.state[p]["step"] += p.grad is not None


@pytest.mark.parametrize("liar", [NoOp, CountingNoOp])
def test_no_op_passes_only_where_nothing_moves(liar):
    verdicts = judged(liar)
    still = {s.id for s in scenarios("binary32") if not moves(s)}
    passed = {name for name, v in verdicts.items() if v.status == "pass"}
    assert passed <= still
    assert len(passed) < len(verdicts) / 5


class Replays(NumpyAdapter):
    """Answers by what it has seen in the files; else it stands still.

    It knows the port's own right answers by (theta, S, gradient, t).
    """

    seen: ClassVar = {}
    learning = False

    def step(self, optimizer):
        port = self.optimizers[optimizer]
        for group in port.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._answer(port, p, group)

    def _answer(self, port, p, group):
        state = port.state[p]
        options = tuple((k, v) for k, v in sorted(group.items()) if k != "params")
        arrays = (p.data, p.grad, state["sum"])
        key = (*(a.tobytes() for a in arrays), state["step"], options)
        if self.learning:
            with np.errstate(all="ignore"):
                port._step_param(p, group)
            self.seen[key] = p.data.copy(), state["sum"].copy()
            return
        state["step"] += 1
        if key in self.seen:
            p.data[...], state["sum"][...] = self.seen[key]


class Learns(Replays):
    """What `Replays` was before."""

    learning = True


def test_replayed_answers_fail_on_fresh_scenarios_alone():
    files = [s for s in scenarios("binary32") if not s.id.startswith("fresh/")]
    plain = [
        s
        for s in files
        if not those_with_closure(s) and "sparse" not in needed_claims(s)
    ]
    judged(Learns, plain)
    again = judged(Replays, plain)
    failed = {name for name, v in again.items() if v.status != "pass"}
    assert failed == {"layout/size-0/binary32"}  # all params of no elements are alike
    fresh = [s for s in scenarios("binary32") if s.id.startswith("fresh/")]
    verdicts = judged(Replays, fresh)
    stepped = [s.id for s in fresh if moves(s)]
    assert stepped
    assert all(verdicts[name].status == "fail" for name in stepped)


class RightForAWhile(NumpyAdapter):
    """Steps rightly a thousand times, and then by a wrong rate."""

    count = 0

    def step(self, optimizer):
        type(self).count += 1
        if self.count > 1000:
            for group in self.optimizers[optimizer].param_groups:
                group["lr"] *= 1.001
        super().step(optimizer)


def moved_visibly():
    """Where a thousandth of the update is more than a few ulp of theta."""
    for s in scenarios():
        wide = {t.format for t in s.tensors.values()} <= {"binary32", "binary64"}
        if wide and moves(s) and not s.id.startswith(("numerics/", "special-values/")):
            yield s.id


def test_port_that_is_right_for_a_while():
    RightForAWhile.count = 0
    verdicts = list(judged(RightForAWhile, scenarios()).values())
    found = [v.status for v in verdicts]
    assert set(found) == {"pass", "fail"}
    first = found.index("fail")
    assert 400 < first < 450  # the thousand right steps
    passed = {v.scenario for v in verdicts[first:] if v.status == "pass"}
    assert {name for name in moved_visibly() if name in passed} == set()


# -- claims ----------------------------------------------------------------------------


class TiresInLongRuns(NumpyAdapter):
    """Takes a thousand steps at a time, and shows the last one over and over."""

    def many_steps(self, optimizer, cycle, count):
        trace = super().many_steps(optimizer, cycle, min(count, 1000))
        return {name: self._stretched(t, count - 1000) for name, t in trace.items()}

    def _stretched(self, trace, more):
        def last(column, width):
            return (*column, *column[len(column) - width :] * more)

        width = len(trace.theta) // len(trace.t)
        columns = last(trace.theta, width), last(trace.state_sum, width)
        return Trace(trace.format, *columns, last(trace.t, 1))


class CountsInLongRuns(TiresInLongRuns):
    """The same, but it counts on."""

    def _stretched(self, trace, more):
        first = trace.t[-1] + 1
        t = (*trace.t, *range(first, first + more))
        return replace(super()._stretched(trace, more), t=t)


class ShortTrace(NumpyAdapter):
    """Leaves out the last step of what it shows."""

    def many_steps(self, optimizer, cycle, count):
        return super().many_steps(optimizer, cycle, count - 1)


@pytest.mark.parametrize(
    ("liar", "status"),
    [
        (TiresInLongRuns, "fail"),
        (CountsInLongRuns, "fail"),
        (ShortTrace, "malformed"),
        (NumpyAdapter, "pass"),
    ],
)
def test_long_runs_are_looked_at_to_their_end(liar, status):
    runs = long_runs()
    assert {v.status for v in judged(liar, runs).values()} == {status}
    assert len(runs) == 5


class ClosureIgnored(NumpyAdapter):
    """Claims closures and never calls one."""

    def step_with_closure(self, optimizer, ask):
        self.step(optimizer)


class AddGroupIgnored(NumpyAdapter):
    """Claims add-group and forgets the group."""

    def add_group(self, optimizer, group):
        pass


class LayoutIgnored(NumpyAdapter):
    """Claims layout and works on a contiguous copy; it shows no storage."""

    def begin(self, tensors):
        super().begin({n: replace(t, layout=None) for n, t in tensors.items()})


class SetStateIgnored(NumpyAdapter):
    """Claims state-write and writes nothing."""

    def set_state(self, optimizer, param, state_sum, t):
        pass


class SaveIgnored(NumpyAdapter):
    """Claims save and load, and does neither."""

    def save(self, optimizer, name):
        return b""

    def load(self, optimizer, name, via, payload):
        pass


def with_layout():
    return {
        s.id for s in scenarios("binary32") if any(t.layout for t in s.tensors.values())
    }


def with_closure():
    return {s.id for s in scenarios("binary32") if those_with_closure(s)}


FALSE_CLAIMS = {
    ClosureIgnored: (with_closure, {"fail"}),
    AddGroupIgnored: (lambda: those_with(AddGroup), {"fail", "malformed"}),
    LayoutIgnored: (with_layout, {"malformed"}),
    SetStateIgnored: (lambda: those_with(SetState), {"fail"}),
    SaveIgnored: (lambda: those_with(Load), {"fail", "pass"}),
}


@pytest.mark.parametrize("liar", FALSE_CLAIMS, ids=lambda liar: liar.__name__)
def test_false_claim_is_found_out_where_it_is_used(liar):
    used, deserved = FALSE_CLAIMS[liar]
    verdicts = judged(liar)
    names = used()
    assert names
    assert {verdicts[name].status for name in names} <= deserved
    assert any(verdicts[name].status != "pass" for name in names)
    assert {v.status for name, v in verdicts.items() if name not in names} == {"pass"}


def test_saving_nothing_fails_wherever_another_optimizer_loads():
    verdicts = judged(SaveIgnored)
    loading = those_with(Load)
    trips = [name for name in loading if name.startswith("state-dict/")]
    assert {verdicts[name].status for name in trips} == {"fail"}


class ClaimsNothing(NumpyAdapter):
    """Claims a format and eps, and no more."""

    claims = frozenset({"binary32", "eps"})


def test_what_is_not_claimed_is_neither_passed_nor_failed():
    counts = statuses(judged(ClaimsNothing))
    assert set(counts) == {"pass", "not-claimed"}
    assert counts["pass"] > counts["not-claimed"] > 0


def test_no_claim_at_all_fails_the_smoke_test():
    liar = type("Mute", (NumpyAdapter,), {"claims": frozenset()})
    result = evaluate_client("mute", InProcessClient(liar), scenarios("binary32"), None)
    assert result.problem == "failed its smoke test: no format is claimed"
    assert result.verdicts == []


def test_unknown_claim_is_not_loaded():
    claims = NumpyAdapter.claims | {"flying"}
    liar = type("Flyer", (NumpyAdapter,), {"claims": claims})
    result = evaluate_client("flyer", InProcessClient(liar), [], None)
    assert result.problem.startswith("could not be loaded: unknown claims ['flying']")


# -- hidden and faked state ------------------------------------------------------------


class HidesState(NumpyAdapter):
    """Shows neither S nor t, and does not claim to."""

    claims = NumpyAdapter.claims - {"state"}

    def reading(self, name, optimizer):
        return replace(super().reading(name, optimizer), state_sum=None, t=None)


class HidesWrongState(HidesState):
    """The same, with eps a little too large."""

    def step(self, optimizer):
        for group in self.optimizers[optimizer].param_groups:
            group["eps"] *= 1.02
        super().step(optimizer)


class HidesStateButClaimsIt(HidesState):
    """Claims state and shows none."""

    claims = NumpyAdapter.claims


def test_hidden_state_is_judged_by_boxes():
    verdicts = judged(HidesState, scenarios())
    assert set(statuses(verdicts)) == {"pass"}
    assert {v.grade for v in verdicts.values()} == {"box", None}


def test_hidden_wrong_state_fails():
    verdicts = judged(HidesWrongState, scenarios("binary64"))
    assert statuses(verdicts)["fail"] > 100


def test_claimed_state_must_be_there():
    verdicts = judged(HidesStateButClaimsIt)
    failed = [v for v in verdicts.values() if v.status == "fail"]
    assert {v.failure.message for v in failed} == {"claims 'state' but shows none"}
    assert len(failed) > 100


class FakesCounter(NumpyAdapter):
    """Shows the number of calls for t, whatever it uses."""

    def reading(self, name, optimizer):
        found = super().reading(name, optimizer)
        return replace(found, t=max(s["step"] for s in optimizer.state.values()))


def test_fake_counter_fails_where_counters_differ():
    verdicts = judged(FakesCounter)
    failed = {name for name, v in verdicts.items() if v.status == "fail"}
    assert "lr-decay/late-param/binary32" in failed
    assert {verdicts[name].failure.message for name in failed} == {
        "the step counter is wrong"
    }


class FakesSum(NumpyAdapter):
    """Shows a beautiful S that it does not use."""

    def reading(self, name, optimizer):
        found = super().reading(name, optimizer)
        zeros = (0,) * len(found.state_sum.bits)
        return replace(found, state_sum=replace(found.state_sum, bits=zeros))


def test_fake_sum_fails():
    counts = statuses(judged(FakesSum))
    assert counts["fail"] > 100


# -- NaN, malformed answers, crashes ---------------------------------------------------


class AnswersNan(NumpyAdapter):
    """Every theta is NaN after a step: nothing compares unequal to it."""

    def step(self, optimizer):
        super().step(optimizer)
        for group in self.optimizers[optimizer].param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data[...] = math.nan


def test_nan_is_no_pass():
    verdicts = judged(AnswersNan)
    moved = {
        s.id for s in scenarios("binary32") if moves(s) and not those_with_closure(s)
    }
    assert {verdicts[name].status for name in moved} == {"fail"}


class OnlyFor:
    """Behaves badly in scenarios with a param q, well in all others."""

    def bad(self):
        return "q" in self.params


class WrongShape(OnlyFor, NumpyAdapter):
    """Shows theta as one long row."""

    def reading(self, name, optimizer):
        found = super().reading(name, optimizer)
        row = Tensor(found.theta.format, (1, len(found.theta.bits)), found.theta.bits)
        return replace(found, theta=row) if self.bad() else found


class WrongFormat(OnlyFor, NumpyAdapter):
    """Shows theta in binary64."""

    def reading(self, name, optimizer):
        found = super().reading(name, optimizer)
        wide = Tensor("binary64", found.theta.shape, found.theta.bits)
        return replace(found, theta=wide) if self.bad() else found


class Raises(OnlyFor, NumpyAdapter):
    """Has a bug of its own."""

    def step(self, optimizer):
        if self.bad():
            raise AttributeError("'NoneType' object has no attribute 'grad'")
        super().step(optimizer)


class Exits(OnlyFor, NumpyAdapter):
    """Leaves."""

    def step(self, optimizer):
        if self.bad():
            sys.exit("out of memory")
        super().step(optimizer)


class RefusesAll(OnlyFor, NumpyAdapter):
    """Says no to every step: refusing is not passing."""

    def step(self, optimizer):
        if self.bad():
            raise ValueError("not today")
        super().step(optimizer)


MISBEHAVED = {
    WrongShape: "malformed",
    WrongFormat: "malformed",
    Raises: "crash",
    Exits: "crash",
    RefusesAll: "fail",
}


def steps_plainly(scenario):
    return any(isinstance(e, Step) and e.loss is None for e in scenario.events)


@pytest.mark.parametrize("liar", MISBEHAVED, ids=lambda liar: liar.__name__)
def test_misbehaviour_costs_its_own_checks_only(liar):
    verdicts = judged(liar)
    hit = [s for s in scenarios("binary32") if "q" in s.tensors and steps_plainly(s)]
    hit = {s.id for s in hit if not library_refuses_all(s)}
    spared = {s.id for s in scenarios("binary32") if "q" not in s.tensors}
    assert {verdicts[name].status for name in hit} == {MISBEHAVED[liar]}
    assert {verdicts[name].status for name in spared} == {"pass"}


def library_refuses_all(scenario):
    books = Bookkeeper(scenario)
    return all(books.apply(event).refusal for event in scenario.events)


class HandsOutItsOwn(NumpyAdapter):
    """Keeps the caller's arrays, so that a reading would change later."""

    def reading(self, name, optimizer):
        found = super().reading(name, optimizer)
        self.shown = getattr(self, "shown", [])
        self.shown.append((found, found.theta.bits))
        return found


def test_readings_are_copies():
    made = []

    def factory():
        made.append(HandsOutItsOwn())
        return made[-1]

    assert set(statuses(judged(factory))) == {"pass"}
    pairs = [pair for liar in made for pair in liar.shown]
    assert pairs
    assert all(found.theta.bits is bits for found, bits in pairs)


class ReturnsLossUnasked(NumpyAdapter):
    """Answers a plain event with a loss and bytes."""

    def perform(self, event, ask=None, payload=None):
        reply = super().perform(event, ask, payload)
        if isinstance(event, Save) or ask is not None:
            return reply
        return Reply(reply.loss, b"junk")


def test_unasked_answers_do_no_harm():
    assert set(statuses(judged(ReturnsLossUnasked))) == {"pass"}


class SavesNothing(NumpyAdapter):
    """Saves, but gives no bytes."""

    def save(self, optimizer, name):
        super().save(optimizer, name)


def test_save_without_bytes_is_malformed():
    verdicts = judged(SavesNothing)
    saved = those_with(Save)
    assert {verdicts[name].status for name in saved} == {"malformed"}
    assert {v.status for n, v in verdicts.items() if n not in saved} == {"pass"}
