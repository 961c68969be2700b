"""A failure is diagnosed: the exact switch, or the class; right ports get none."""

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
import layout
import none_zero
import numerics
import pytest
import refusals
import state
from mutant_kit import Bent, adapter

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.checks.kinds import NativeCheck, Relation, Same
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.diagnosis.diagnose import diagnose
from adagrad_conformance.diagnosis.traits import pattern, traits_of
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.failure import Failure, FailureKind
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reports.records import diagnosis_record
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


def diagnosed(factory, checks=None, levels=("MUST",)):
    seen, claims, verdicts = observed(factory, checks or some())
    return diagnose(seen, Terms(claims, library().expectations), verdicts, levels)


# -- the exact change ------------------------------------------------------------------

EXACT = {
    formula.EpsInsideRoot: "eps=inside",
    formula.EpsSquaredInsideRoot: "eps=squared",
    formula.NoEps: "eps=none",
    formula.EpsJoinsSum: "accumulator=gains-eps",
    formula.PlusSign: "update=added",
    formula.OldSum: "accumulator=late",
    formula.SumStoredAsRoot: "accumulator=rooted",
    formula.SumStartsAtZero: "initial=zero",
    formula.DoesNothing: "update=nothing",
    counter.CountsFromOne: "rate=t",
    counter.RootDecay: "rate=root",
    counter.NeverDecays: "rate=constant",
    counter.CallsCounted: "counter=object",
    counter.CallsCountedInSecret: "counter=secret",
    counter.NoneCounts: "counter=calls",
    decay_maximize.DecayDecoupled: "decay=decoupled",
    decay_maximize.DecayWithoutRate: "decay=unscaled",
    decay_maximize.DecayOnlyInSum: "decay=sum-only",
    decay_maximize.DecayMissingInSum: "decay=step-only",
    decay_maximize.DecaySubtracted: "decay=subtracted",
    decay_maximize.DecayTwice: "decay=doubled",
    decay_maximize.MaximizeIgnored: "maximize=ignored",
    decay_maximize.MaximizeFlipsRate: "maximize=after-decay",
    decay_maximize.MaximizeDropsDecay: "maximize=no-decay",
    none_zero.NoneIsZero: "none=zero",
    none_zero.ZeroIsNone: "zero=skips",
    none_zero.ZeroIsNotCounted: "zero=uncounted",
    none_zero.ZeroElementsSkipped: "zero=elements-skip",
    state.SumNotRestored: "load=no-sum",
    state.CounterNotRestored: "load=no-counter",
    state.OptionsNotRestored: "load=no-options",
    state.ConstructorRateWins: "load=no-lr",
    state.FirstGroupRestored: "load=first-options",
    groups.GroupOptionsIgnored: "options=constructor",
    groups.FirstGroupForAll: "options=first",
    numerics.EpsInBinary32: "eps=binary32",
    numerics.RateInBinary32: "rate=binary32",
    **dialect_ports.CHANGES,
}


@pytest.mark.parametrize("port", EXACT, ids=lambda port: port.__name__)
def test_a_known_change_is_named_and_explains_everything(port):
    found = diagnosed(lambda: adapter(port))
    assert found.first.name == EXACT[port]
    assert found.first.complete
    assert found.rest is None


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
def test_what_no_dialect_explains_has_a_class(port):
    found = diagnosed(lambda: adapter(port), most())
    assert (found.first.name, found.first.kind) == ("pattern", PATTERNS[port])


RIGHT = {
    "numpy": numpy_own.NumpyAdapter,
    "bent": lambda: adapter(Bent),
    "torch/single": torch_optim.single,
    "torch/foreach": torch_optim.foreach,
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_ports_get_no_diagnosis(name):
    assert diagnosed(RIGHT[name]) is None


def test_two_faults_are_told_apart():
    """A dialect explains most; the pattern of what is left tells the other fault."""

    class Both(formula.EpsInsideRoot):
        def step(self, closure=None):
            if closure is not None:
                closure()
            return super().step(closure)

    found = diagnosed(lambda: adapter(Both), most())
    assert found.first.name == "eps=inside"
    assert not found.first.complete
    assert found.rest.kind == "gradients"
    assert found.first.explained + found.rest.failed == found.first.failed


def test_the_separator_speaks_for_the_first_alone():
    seen, claims, verdicts = observed(
        lambda: adapter(decay_maximize.MaximizeDropsDecay), some()
    )
    found = diagnose(seen, Terms(claims, library().expectations), verdicts)
    assert found.separator is not None
    at = next(s for s in seen if s.check.id == found.separator.scenario)

    def passes(dialect):
        (verdict,) = judge([at], Terms(claims, library().expectations, dialect))
        return verdict.status == "pass"

    assert passes(found.first.dialect)
    against = [d for d in _single() if d.words == found.separator.against]
    assert not any(map(passes, against))


def _single():
    from adagrad_reference.dialects import single_changes

    return single_changes()


def test_a_diagnosis_is_the_same_each_time():
    one, two = (
        diagnosis_record(diagnosed(lambda: adapter(counter.CallsCountedInSecret)))
        for _ in range(2)
    )
    assert json.dumps(one) == json.dumps(two)


# -- ports of another dialect ----------------------------------------------------------


def test_another_dialect_is_named_and_judged_in_full():
    seen, claims, verdicts = observed(lambda: load_adapter(KERAS), most())
    found = diagnose(seen, Terms(claims, library().expectations), verdicts)
    assert dict(found.first.dialect.changes) == dict(DIALECTS["keras"].changes)
    assert "Keras 3" in found.first.like
    assert found.first.complete
    own = judge(seen, Terms(claims, library().expectations, found.first.dialect))
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
    found = diagnose(seen, Terms(claims, library().expectations), verdicts)
    assert found.first.dialect.changes == DIALECTS[name].changes
    assert DIALECTS[name].about in found.first.like


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
    first = result.diagnosis.first  # what is beyond its own word
    assert first.words == (SWITCHES["eps"].words("inside"),)
    assert first.complete


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


# -- patterns --------------------------------------------------------------------------


def test_a_pattern_prefers_what_only_the_failed_have():
    checks = [c for c in some() if c.level == "MUST"]

    def verdict(check):
        words = {trait.words for trait in traits_of(check)}
        failed = "a state is loaded" in words
        status = "fail" if failed else "pass"
        failure = Failure(FailureKind.SUM, 0, "A", "p") if failed else None
        return Verdict(
            check.id, check.requirements, "MUST", Status(status), failure=failure
        )

    found = pattern([(check, verdict(check)) for check in checks])
    assert (found.kind, found.words, found.passed) == ("state", "a state is loaded", 0)


# -- the command -----------------------------------------------------------------------


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "adagrad_conformance", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_command_names_the_dialect_and_judges_by_it(tmp_path):
    output = tmp_path / "diagnosis.json"
    done = command("diagnose", KERAS, "--seed", 3, "--json", output)
    assert done.returncode == 1, done.stderr
    assert "weight decay is decoupled" in done.stdout
    assert "eps is inside the root" in done.stdout
    assert "as in Keras 3" in done.stdout
    record = json.loads(output.read_text())
    assert record["by_first"]["failed"] == 0
    assert record["by_first"]["judged"] == record["judged"] > 500
    assert record["explanations"][0]["explained"] == record["failed"]


def test_the_command_has_nothing_to_say_of_a_right_port():
    done = command("diagnose", "numpy", "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert "Nothing to explain" in done.stdout


def test_a_run_that_fails_ends_with_a_diagnosis(tmp_path):
    stream = tmp_path / "run.jsonl"
    chosen = ("--only", "weight-decay/*", "--fresh", 0)
    done = command("run", TARGET, *chosen, "--seed", 3, "--json", stream)
    assert done.returncode == 1
    assert "diagnosis: decay: weight decay is decoupled" in done.stdout
    records = [json.loads(line) for line in stream.read_text().splitlines()]
    target = next(r for r in records if r["record"] == "target")
    assert target["diagnosis"]["explanations"][0]["name"] == "mxnet"


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
