"""A mutant is named by its change, or by its class; right ports have no fault."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import closures
import counter
import decay_maximize
import dialect_ports
import formula
import groups
import history_ports
import known_bug_ports
import layout
import meeting_ports
import moment_ports
import native_ports
import none_zero
import numerics
import option_ports
import pytest
import refusals
import resume_ports
import saving_ports
import state
from mutant_kit import Bent, adapter

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.checks.kinds import NativeCheck, Relation, Same
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.faults.find import find_faults
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge, judged_cases, verdict_of
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_conformance.transport.loading import load_adapter
from adagrad_reference.dialects import DIALECTS, DOCUMENT
from adagrad_reference.formats import BINARY64
from adagrad_reference.scenario import Group, New, Scenario, Step, Tensor
from adagrad_reference.switches import SWITCHES

PORT = Path(__file__).with_name("other_dialect.py")
TARGET = f"{PORT}:Decoupled"
KERAS = f"{Path(__file__).with_name('dialect_ports.py')}:keras"


@functools.cache
def library():
    return Library.read()


@functools.cache
def everything():
    checks = checks_of_a_run(library(), 7, fresh=2)
    return [c for c in checks if not isinstance(c, NativeCheck)]


@functools.cache
def most():
    return [c for c in everything() if "long" not in c.id][::2]


@functools.cache
def some():
    """Every ninth check but the long runs: enough to tell one switch from another."""
    return [c for c in everything() if "long" not in c.id][::9]


def observed(factory, checks):
    candidate = InProcessClient(factory)
    identity = candidate.start()
    seen = list(observe(candidate, identity, checks))
    return (
        seen,
        identity.claims,
        judge(seen, Terms(identity.claims, library().expectations)),
    )


def faults_of(seen, claims):
    terms = Terms(claims, library().expectations)
    cases = judged_cases(seen, terms)
    return find_faults(seen, terms, cases, [verdict_of(case) for case in cases])


def diagnosed(factory, checks=None):
    seen, claims, _ = observed(factory, checks or some())
    return faults_of(seen, claims)


# -- the exact change ------------------------------------------------------------------

EXACT = {
    formula.EpsInsideRoot: "eps-inside-root",
    formula.EpsSquaredInsideRoot: "eps-squared-inside-root",
    formula.NoEps: "eps-ignored",
    formula.EpsJoinsSum: "sum-gains-eps",
    formula.PlusSign: "sign-flipped",
    formula.OldSum: "old-sum",
    formula.SumStoredAsRoot: "accumulator-rooted",
    formula.SumStartsAtZero: "initial-zero",
    formula.DoesNothing: "step-skipped",
    counter.CountsFromOne: "rate-from-t-0",
    counter.RootDecay: "rate-of-root",
    counter.NeverDecays: "rate-not-decayed",
    counter.CallsCounted: "counter-object",
    counter.CallsCountedInSecret: "counter-secret",
    counter.NoneCounts: "counter-its-gradient-is-none",
    decay_maximize.DecayDecoupled: "decay-decoupled",
    decay_maximize.DecayWithoutRate: "decay-unscaled",
    decay_maximize.DecayOnlyInSum: "decay-not-in-numerator",
    decay_maximize.DecayMissingInSum: "sum-without-decay",
    decay_maximize.DecaySubtracted: "decay-subtracted",
    decay_maximize.DecayTwice: "weight-decay-doubled",
    decay_maximize.MaximizeIgnored: "maximize-ignored",
    decay_maximize.MaximizeFlipsRate: "decay-sign-follows-maximize",
    decay_maximize.MaximizeDropsDecay: "weight-decay-ignored-maximize-on",
    none_zero.NoneIsZero: "none-zero",
    none_zero.ZeroIsNone: "zero-skips",
    none_zero.ZeroIsNotCounted: "zero-uncounted",
    none_zero.ZeroElementsSkipped: "zero-elements-skip",
    state.SumNotRestored: "load-no-sum",
    state.CounterNotRestored: "load-no-counter",
    state.OptionsNotRestored: "load-no-options",
    state.ConstructorRateWins: "load-no-lr",
    state.FirstGroupRestored: "load-first-options",
    groups.GroupOptionsIgnored: "options-constructor",
    groups.FirstGroupForAll: "options-first",
    numerics.EpsInBinary32: "eps-in-float32",
    numerics.RateInBinary32: "lr-in-float32",
    dialect_ports.RowMean: "accumulator-row-mean",
    dialect_ports.Guarded: "guard-zero",
    dialect_ports.Approximate: "inverse-approximate",
    dialect_ports.RateParts: "lr-in-float32",
}


@pytest.mark.parametrize("port", EXACT, ids=lambda port: port.__name__)
def test_a_known_change_is_named_and_explains_nearly_everything(port):
    found = diagnosed(lambda: adapter(port))
    assert found.faults[0].slug.startswith(EXACT[port])
    assert len(found.faults) <= 2
    assert found.faults[0].complaints > 0.7 * found.complaints
    assert len(found.unexplained) <= 0.06 * found.complaints


PATTERNS = {
    layout.TailSkipped: "layout",
    layout.WritesOutsideView: "layout",
    closures.ClosureTwice: "gradients",
    none_zero.GradientConsumed: "gradients",
    state.SumKeptAtHome: "state",
    decay_maximize.DecayOfStaleTheta: "decay",
    counter.DecayCompounds: "rate",
    refusals.NegativeAccepted: "interface",
    numerics.Truncates32: "numerics",
}


@pytest.mark.parametrize("port", PATTERNS, ids=lambda port: port.__name__)
def test_what_no_switch_explains_has_a_class(port):
    found = diagnosed(lambda: adapter(port), most())
    assert PATTERNS[port] in (found.faults[0].kind, found.faults[0].place)


#: A mechanism: the beginning of its name, its class, and that of its place.
MECHANISMS = {
    layout.FirstFormatOnly: ("departs-params-have-several-formats", "rate", "layout"),
    native_ports.ReturnsAfterSparse: (
        *("departs-a-gradient-of-the-step-is-sparse", "rate", "sparse"),
    ),
    native_ports.ClosureWithoutGradients: (
        *("ends-in-malformed-a-closure-is-given", "gradients", "gradients"),
    ),
    option_ports.DefaultRateIsSmaller: (
        *("update-scaled-lr-is-left-to-its-default", "formula", "interface"),
    ),
    saving_ports.PlainStepAfterClosureStale: (
        *("gradient-of-last", "gradients", "layout"),
    ),
    known_bug_ports.FirstGradientForAll: ("gradient-of-other", "gradients", ""),
    meeting_ports.TauInBinary32: ("initial-accumulator-rounded", "numerics", ""),
    resume_ports.SumSavedInBinary32: (
        *("accumulator-changed-rounded-a-state-is-loaded", "numerics", "state"),
    ),
    layout.WrongBeyond64: ("step-skipped-past-64", "formula", "layout"),
    moment_ports.FreshStateIsNone: ("counter", "rate", "state"),
}


@pytest.mark.parametrize("port", MECHANISMS, ids=lambda port: port.__name__)
def test_a_mechanism_is_named_by_what_is_wrong_and_where(port):
    found = diagnosed(lambda: adapter(port), most())
    first = found.faults[0]
    slug, kind, place = MECHANISMS[port]
    assert first.slug.startswith(slug), first.slug
    assert (first.kind, first.place) == (kind, place)
    assert not first.is_open
    assert first.complaints > 0.6 * found.complaints


def test_what_has_no_cause_is_named_by_the_requirement_that_it_breaks():
    found = diagnosed(lambda: adapter(history_ports.CountersMeetAtTwenty), most())
    (only,) = found.faults
    assert (only.slug, only.kind) == ("lr-decay-schedule", "rate")
    assert only.is_open
    assert only.words.endswith("by no cause that was found")


RIGHT = {
    "numpy": numpy_own.NumpyAdapter,
    "bent": lambda: adapter(Bent),
    "torch/single": torch_optim.single,
    "torch/foreach": torch_optim.foreach,
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_ports_have_no_fault(name):
    found = diagnosed(RIGHT[name])
    assert (found.faults, found.unexplained, found.complaints) == ((), (), 0)


def test_two_faults_are_told_apart():
    class Both(formula.EpsInsideRoot):
        def step(self, closure=None):
            if closure is not None:
                closure()
            return super().step(closure)

    found = diagnosed(lambda: adapter(Both), most())
    slugs = [fault.slug for fault in found.faults]
    assert "eps-inside-root" in slugs
    assert any(fault.kind == "gradients" for fault in found.faults)


def test_numbers_that_a_law_leads_out_of_a_format_are_judged():
    class Both(formula.SquaresSubtracted, option_ports.DefaultDecays):
        """Subtracts until S is subnormal in one of two runs."""

    laws = [check for check in everything() if isinstance(check, Relation)]
    _, _, verdicts = observed(lambda: adapter(Both), laws)
    assert len(verdicts) == len(laws)


def test_faults_are_the_same_each_time():
    one, two = (
        [f.record() for f in diagnosed(lambda: adapter(counter.CallsCounted)).faults]
        for _ in range(2)
    )
    assert json.dumps(one) == json.dumps(two)


# -- ports of another dialect ----------------------------------------------------------


def last_dialect(found):
    dialects = [fault.dialect for fault in found.faults if fault.dialect is not None]
    return max(dialects, key=lambda dialect: len(dialect.changes))


def test_another_dialect_is_named_and_judged_in_full():
    seen, claims, verdicts = observed(lambda: load_adapter(KERAS), most())
    found = faults_of(seen, claims)
    dialect = last_dialect(found)
    assert dict(dialect.changes) == dict(DIALECTS["keras"].changes)
    assert any("Keras 3" in fault.like for fault in found.faults)
    own = judge(seen, Terms(claims, library().expectations, dialect))
    must = {v.status for v in own if v.level == "MUST"}
    assert must <= {"pass", "waived", "not-claimed"}
    assert sum(v.status == "fail" for v in verdicts) > 150


@pytest.mark.parametrize("name", dialect_ports.PORTS)
def test_a_port_of_a_published_dialect_keeps_its_word(name):
    """It fails by the document, passes by its own dialect, and is told apart by it."""
    seen, claims, verdicts = observed(
        lambda: adapter(dialect_ports.PORTS[name]), some()
    )
    own = judge(seen, Terms(claims, library().expectations, DIALECTS[name]))
    must = [v.status for v in own if v.level == "MUST"]
    assert set(must) <= {"pass", "waived", "not-claimed"}
    assert sum(v.status == "fail" for v in verdicts if v.level == "MUST") > 15
    found = faults_of(seen, claims)
    assert dict(last_dialect(found).changes) == dict(DIALECTS[name].changes)
    assert any(DIALECTS[name].about in fault.like for fault in found.faults)


@pytest.mark.parametrize("port", [Bent, formula.MeanOfSquares])
def test_who_has_no_mean_of_rows_does_not_keep_that_word(port):
    seen, claims, _ = observed(lambda: adapter(port), some())
    own = judge(seen, Terms(claims, library().expectations, DIALECTS["row-wise"]))
    assert sum(v.status == "fail" for v in own if v.level == "MUST") > 15


def flat_and_square():
    """A law that holds by the document: the shape of a param does not matter."""
    runs = []
    for shape in ((4,), (2, 2)):
        bits = map(BINARY64.encode, (1.0, 2.0, 3.0, 4.0))
        p = Tensor("binary64", shape, tuple(bits))
        events = (New("A", (Group(("p",)),), {}), Step("A", {"p": p}))
        runs.append(Scenario("one", ("algorithm/update",), "MUST", {"p": p}, events))
    same = Same((1, 1), (("A", "p"), None), (("A", "p"), None))
    return Relation("relations/shape", ("algorithm/update",), *runs, (same,))


@pytest.mark.parametrize(
    ("port", "dialect", "status"),
    [
        (Bent, "document", "pass"),
        (dialect_ports.RowMean, "document", "fail"),
        (dialect_ports.RowMean, "row-wise", "waived"),
        (dialect_ports.RowMean, "eps-inside", "fail"),
    ],
)
def test_a_law_that_rows_do_not_keep_is_waived(port, dialect, status):
    seen, claims, _ = observed(lambda: adapter(port), [flat_and_square()])
    (verdict,) = judge(seen, Terms(claims, library().expectations, DIALECTS[dialect]))
    assert verdict.status == status


class Declares(torch_optim.TorchAdapter):
    """The port of another dialect, which says so."""

    def __init__(self, dialect):
        port = load_adapter(TARGET)
        super().__init__("declares", port.factory, without=frozenset({"sparse"}))
        self.dialect = dialect


def declared(dialect):
    checks = [c for c in some() if "defaults" not in c.id]
    return evaluate_client(
        "declares",
        InProcessClient(lambda: Declares(dialect)),
        checks,
        library().expectations,
    )


def test_a_declared_dialect_is_what_a_port_is_judged_by():
    result = declared("decoupled")  # it has eps inside as well
    failed = {v.scenario for v in result.verdicts if v.level == "MUST"} & {
        v.scenario for v in result.verdicts if v.status == "fail"
    }
    assert failed
    (first,) = result.faults.faults  # what is beyond its own word
    assert first.words == SWITCHES["eps"].words("inside")
    assert not result.faults.unexplained


def test_a_true_declaration_passes(monkeypatch):
    plain = DOCUMENT.also("decay", "decoupled").also("eps", "inside")
    monkeypatch.setitem(DIALECTS, "plain", plain)
    result = declared("plain")
    must = [v for v in result.verdicts if v.level == "MUST"]
    assert {v.status for v in must} <= {"pass", "not-claimed"}


def test_an_unknown_dialect_is_not_loaded():
    result = declared("my-own")
    assert result.problem is not None
    assert "unknown dialect 'my-own'; known: document, keras" in result.problem


# -- the command -----------------------------------------------------------------------


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "adagrad_conformance", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_command_names_the_faults_and_judges_by_them(tmp_path):
    output = tmp_path / "diagnosis.json"
    done = command("diagnose", KERAS, "--seed", 3, "--json", output)
    assert done.returncode == 1, done.stderr
    assert "weight decay is decoupled" in done.stdout
    assert "eps is inside the root" in done.stdout
    assert "as in Keras 3" in done.stdout
    record = json.loads(output.read_text())
    assert record["by_switches"]["failed"] == 0
    assert record["by_switches"]["judged"] == record["judged"] > 500
    explained = sum(fault["complaints"] for fault in record["faults"])
    assert explained == record["explained"]["complaints"]


def test_the_command_has_nothing_to_say_of_a_right_port():
    done = command("diagnose", "numpy", "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert "Nothing to explain" in done.stdout


def test_a_run_that_fails_names_its_fault(tmp_path):
    stream = tmp_path / "run.jsonl"
    chosen = ("--only", "weight-decay/*", "--fresh", 0)
    done = command("run", TARGET, *chosen, "--seed", 3, "--json", stream)
    assert done.returncode == 1
    assert "1. as-mxnet: weight decay is decoupled" in done.stdout
    records = [json.loads(line) for line in stream.read_text().splitlines()]
    fault = next(r for r in records if r["record"] == "fault")
    assert fault["switches"]["decay"] == "decoupled"
    shown = [r for r in records if fault["fault"] in r.get("faults", ())]
    assert len(shown) == fault["checks"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nonsense",), 2, "unknown target 'nonsense'"),
        (("numpy", "--json", "no/such/folder/x.json"), 2, "there is no folder"),
        (("os:path",), 3, "could not be loaded"),
    ],
)
def test_what_cannot_be_diagnosed_is_said_in_one_line(arguments, code, words):
    done = command("diagnose", *arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_dialects_are_listed():
    done = command("list", "dialects")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(DIALECTS)
