"""`evaluate`: what it takes, where that runs, what it gives back, and what it loads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

import adagrad_conformance
from adagrad_conformance import TargetResult, UserError, evaluate
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.evaluation.conclusion import Conclusion
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.failure import Failure, FailureKind
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reports.records import check_record
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.server import SERVED

QUICK = {"only": "algorithm/update/*", "fresh": 0, "seed": 1}
PATIENCE = 60  # seconds; only a failure waits so long


@pytest.fixture(scope="module", autouse=True)
def shipped():
    """Do not read the vectors again for every call."""
    found = Library.read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Library, "read", classmethod(lambda cls, folder=None: found))
        yield


class Twice(NumpyAdapter):
    """Steps twice."""

    name = "twice"

    def step(self, optimizer):
        super().step(optimizer)
        super().step(optimizer)


PORTS = '''
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter


class Right(NumpyAdapter):
    name = "right"


class Twice(NumpyAdapter):
    def step(self, optimizer):
        super().step(optimizer)
        super().step(optimizer)


class Exits(NumpyAdapter):
    def step(self, optimizer):
        import os

        os._exit(7)


class Hangs(NumpyAdapter):
    def step(self, optimizer):
        import time

        time.sleep(3600)


class Modest(NumpyAdapter):
    claims = frozenset({"binary64"})


class Raises(NumpyAdapter):
    def __init__(self):
        raise LookupError("no licence key")


class Outer:
    class Inner(NumpyAdapter):
        name = "inner"


def make():
    return Right()


def adapters():
    """Two objects that no name of the module holds."""
    return Right(), make
'''


@pytest.fixture
def ports(tmp_path, monkeypatch):
    """A module of small ports that only this process can find by its search path."""
    import importlib

    (tmp_path / "small_ports.py").write_text(PORTS)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("small_ports")
    del sys.modules["small_ports"]


# -- what is taken, and where it runs --------------------------------------------------


def test_a_target_is_judged_as_by_the_command(tmp_path):
    out = tmp_path / "out.jsonl"
    line = [sys.executable, "-m", "adagrad_conformance", "run", "numpy", "--json", out]
    options = ["--only", "algorithm/e*", "--fresh", "1", "--seed", "3"]
    subprocess.run([*line, *options], check=True, capture_output=True)
    lines = map(json.loads, out.read_text().splitlines())
    result = evaluate("numpy", only="algorithm/e*", fresh=1, seed=3)
    assert [check_record("numpy", verdict) for verdict in result.verdicts] == [
        record for record in lines if record["record"] == "check"
    ]
    assert (result.target, result.in_process, result.seed) == ("numpy", False, 3)
    assert result.conformant
    assert result.exit_code() == 0
    assert result.identity.language == "Python (NumPy)"


def test_a_class_in_a_module_runs_in_a_process_of_its_own(ports):
    result = evaluate(ports.Exits, **QUICK)
    assert result.target == f"{ports.__file__}:Exits"
    assert not result.in_process
    assert {v.status for v in result.verdicts} == {Status.CRASH}
    assert result.exit_code() == 1


def test_the_time_of_a_process_of_its_own_is_limited(ports):
    one = {**QUICK, "only": "algorithm/update/binary64"}
    result = evaluate(ports.Hangs, timeout=10.0, **one)
    assert [v.status for v in result.verdicts] == [Status.TIMEOUT]
    assert "no answer within 10 s" in repr(result)


def test_a_class_in_a_package_is_found_by_the_path_of_this_process(
    tmp_path, monkeypatch
):
    package = tmp_path / "port_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "base.py").write_text(PORTS)
    (package / "port.py").write_text("from .base import Right as Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    from port_package.port import Mine

    result = evaluate(Mine, **QUICK)
    assert (result.target, result.in_process) == ("port_package.base:Right", False)
    assert result.conformant


@pytest.mark.parametrize("name", ["Outer.Inner", "make"])
def test_whatever_a_module_names_can_be_given(ports, name):
    thing = ports
    for part in name.split("."):
        thing = getattr(thing, part)
    result = evaluate(thing, **QUICK)
    assert (result.target, result.in_process) == (f"{ports.__file__}:{name}", False)
    assert result.conformant


def test_a_torch_optimizer_needs_no_adapter():
    torch = pytest.importorskip("torch")
    result = evaluate(torch.optim.Adagrad, **QUICK)
    assert result.target == "torch.optim.adagrad:Adagrad"
    assert result.conformant


def test_a_local_torch_optimizer_runs_here():
    torch = pytest.importorskip("torch")

    class Mine(torch.optim.Adagrad):
        pass

    result = evaluate(Mine, **QUICK)
    assert result.in_process
    assert result.conformant


def test_an_adapter_runs_here():
    result = evaluate(Twice(), **QUICK)
    assert (result.target, result.in_process) == ("twice", True)
    assert {v.status for v in result.verdicts} == {Status.FAIL}


def test_a_class_of_a_function_runs_here():
    class Local(NumpyAdapter):
        name = "local"

    result = evaluate(Local, **QUICK)
    assert result.in_process
    assert result.target.endswith("<locals>.Local")
    assert result.conformant


def test_a_name_that_means_something_else_by_now_is_not_looked_up(ports, monkeypatch):
    right = ports.Right
    monkeypatch.setattr(ports, "Right", ports.Twice)
    result = evaluate(right, **QUICK)
    assert result.in_process
    assert result.conformant


def test_what_needs_another_process_is_not_claimed_here():
    result = evaluate(NumpyAdapter(), only="state-dict/*", fresh=0, seed=1)
    assert "load-new-process" in NumpyAdapter.claims
    assert "load-new-process" not in result.identity.claims
    assert any("~load-new-process" in v.scenario for v in result.verdicts)
    assert result.conformant


@pytest.mark.parametrize("option", ["timeout", "memory_gib"])
def test_a_limit_that_cannot_be_kept_is_refused(option):
    with pytest.raises(UserError, match="runs in this process"):
        evaluate(NumpyAdapter(), **QUICK, **{option: 2.0})


def run_python(text, tmp_path, *args):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(text))
    line = [sys.executable, str(path), *args]
    env = {k: v for k, v in os.environ.items() if k != SERVED}
    return subprocess.run(
        line, capture_output=True, text=True, timeout=PATIENCE, env=env, cwd=tmp_path
    )


def test_a_class_of_the_program_runs_here_and_the_program_once(tmp_path):
    program = f"""
        from adagrad_conformance import evaluate
        from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter

        print("begun")

        class Mine(NumpyAdapter):
            pass

        result = evaluate(Mine, **{QUICK!r})
        print(result.in_process, result.conformant)
    """
    ran = run_python(program, tmp_path)
    assert ran.stdout.splitlines() == ["begun", "True True"], ran.stderr


def test_a_program_that_names_itself_does_not_start_without_end(tmp_path):
    program = f"""
        import sys
        from adagrad_conformance import evaluate
        from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter

        class Mine(NumpyAdapter):
            pass

        print(evaluate(__file__ + ":Mine", **{QUICK!r}))
    """
    ran = run_python(program, tmp_path)
    assert ran.stdout.startswith("NOT JUDGED: "), ran.stderr
    assert "put the call under: if __name__ == '__main__'" in ran.stdout
    guarded = program.replace("print(", "if __name__ == '__main__': print(")
    assert run_python(guarded, tmp_path).stdout.startswith("CONFORMANT: ")


# -- what cannot be judged -------------------------------------------------------------


@pytest.mark.parametrize(
    ("port", "options", "words"),
    [
        ("nonsense", {}, "unknown target 'nonsense'"),
        ("exec:", {}, "exec: needs a command"),
        (3, {}, "3 is no target"),
        (None, {}, "None is no target"),
        ("numpy", {"level": "most"}, "unknown level 'most'"),
        ("numpy", {"fresh": -1}, "fresh=-1 is not >= 0"),
        ("numpy", {"timeout": 0}, "timeout=0 is not > 0"),
        ("numpy", {"timeout": float("nan")}, "timeout=nan is not > 0"),
        ("numpy", {"memory_gib": -1.0}, "memory_gib=-1.0 is not > 0"),
        ("numpy", {"only": "no/such/*"}, "nothing was selected by only='no/such/*'"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_error_of_the_caller_is_one_line(port, options, words):
    with pytest.raises(UserError) as error:
        evaluate(port, **{"fresh": 0, "seed": 1, **options})
    assert str(error.value).startswith(words)
    assert "\n" not in str(error.value)


def test_altered_vectors_are_an_error(monkeypatch):
    from adagrad_reference.vectors import VectorError

    def altered(cls, folder=None):
        raise VectorError("maximize.json was altered")

    monkeypatch.setattr(Library, "read", classmethod(altered))
    with pytest.raises(UserError, match=r"maximize\.json"):
        evaluate("numpy", **QUICK)


def test_what_cannot_be_loaded_has_a_problem(ports):
    class Needy(NumpyAdapter):
        def __init__(self):
            raise LookupError("no licence key")

    for port in (ports.Raises, Needy, "no_such_module:Port"):
        result = evaluate(port, **QUICK)
        assert result.problem.startswith("could not be loaded: ")
        assert result.conclusion is Conclusion.NOT_JUDGED
        assert result.exit_code() == 3
        assert not result.conformant
        assert str(result) == f"NOT JUDGED: {result.target}, {result.problem}"
        assert repr(result) == f"<TargetResult {result}>"
    assert "no licence key" in evaluate(Needy, **QUICK).problem


def test_a_port_without_claims_is_not_judged(ports):
    result = evaluate(ports.Modest, **QUICK)
    assert result.problem is None
    assert result.conclusion is Conclusion.NOT_JUDGED
    assert result.exit_code() == 4
    assert "not claimed (checks that need it): " in str(result)


def test_an_interrupted_evaluation_ends_its_port(tmp_path):
    """Also where the port hangs, which hears no question to stop."""
    (tmp_path / "small_ports.py").write_text(
        PORTS.replace("time.sleep", "open('hangs', 'w').close(); time.sleep")
    )
    code = f"evaluate('small_ports.py:Hangs', **{QUICK!r})"
    run = subprocess.Popen(
        [sys.executable, "-c", f"from adagrad_conformance import evaluate; {code}"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / "hangs").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        run.send_signal(signal.SIGINT)
        errors = run.communicate(timeout=20)[1]  # less than an answer may take
        assert "KeyboardInterrupt" in errors
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()


# -- what comes back -------------------------------------------------------------------

IDENTITY = Identity("port", "1.0", "Ada", frozenset({"binary32"}))
WRONG_T = Failure(FailureKind.COUNTER, 2, "A", "p", 1, observed=2, due=1)


def verdict(scenario, status=Status.PASS, level="MUST", **more):
    requirement = scenario.rpartition("/")[0]
    return Verdict(scenario, (requirement,), level, status, **more)


MIXED = [
    verdict("a/b/1"),
    verdict("a/b/2", Status.FAIL, failure=WRONG_T),
    verdict("a/b/3", Status.FAIL, failure=replace(WRONG_T, observed=7)),
    verdict("a/c/1", Status.CRASH, message="Traceback\nend of it", reason="exited"),
    verdict("a/d/1", Status.WAIVED),
    verdict("b/c/1", Status.FAIL, "SHOULD", failure=WRONG_T),
    verdict("b/c/2", level="SHOULD"),
    verdict("b/d/1", Status.FAIL, "MAY", failure=WRONG_T),
    verdict("c/d/1", Status.NOT_CLAIMED, message="groups, layout"),
    verdict("c/d/2", Status.NOT_CLAIMED, message="layout"),
    verdict("c/e/1", Status.SKIPPED, message="no CUDA"),
]


def result_of(*verdicts, **more):
    return TargetResult("x.py:Mine", IDENTITY, list(verdicts), **more)


def test_failures_and_findings_are_those_of_their_level():
    result = result_of(*MIXED)
    assert [v.scenario for v in result.failures] == ["a/b/2", "a/b/3", "a/c/1"]
    assert [v.scenario for v in result.findings] == ["b/c/1"]
    assert [v.scenario for v in result.failed_at("MAY")] == ["b/d/1"]


@pytest.mark.parametrize(
    ("verdicts", "conclusion", "code", "strict"),
    [
        ([], Conclusion.NOT_JUDGED, 4, 4),
        (MIXED[8:], Conclusion.NOT_JUDGED, 4, 4),
        (MIXED[:1], Conclusion.CONFORMANT, 0, 0),
        (MIXED[4:5], Conclusion.CONFORMANT, 0, 0),
        (MIXED[5:], Conclusion.CONFORMANT, 0, 1),
        (MIXED[7:8], Conclusion.CONFORMANT, 0, 0),
        (MIXED, Conclusion.NOT_CONFORMANT, 1, 1),
        (MIXED[3:4], Conclusion.NOT_CONFORMANT, 1, 1),
    ],
    ids=str,
)
def test_the_conclusion_and_the_exit_code(verdicts, conclusion, code, strict):
    result = result_of(*verdicts)
    assert result.conclusion is conclusion
    assert result.conformant == (conclusion is Conclusion.CONFORMANT)
    assert (result.exit_code(), result.exit_code(strict=True)) == (code, strict)


def test_the_answer_comes_first_and_then_counts_and_evidence():
    assert str(result_of(*MIXED, seed=5, in_process=True)).splitlines() == [
        "NOT CONFORMANT: x.py:Mine, 2 of 5 MUST checks pass",
        "  failures at MUST (3)",
        "    a/b (2), such as a/b/2",
        "      the step counter is wrong: p[1] = 2, due 1",
        "    a/c (1), such as a/c/1",
        "      crash (exited): end of it",
        "  findings at SHOULD (1); at MAY 1",
        "    b/c (1): the step counter is wrong: p[1] = 2, due 1",
        "  not claimed (checks that need it): layout (2), groups (1)",
        "  not run here: c/e/1",
        "  port: port 1.0, Ada, in this process; seed 5",
    ]


def test_findings_of_one_cause_are_one_line_whatever_they_break():
    taken = Failure(FailureKind.ACCEPTED, 0, observed="lr=-1")
    found = [
        verdict(f"{name}/x", Status.FAIL, level="SHOULD", failure=failure)
        for name, failure in (
            ("a/b", taken), ("a/c", WRONG_T), ("a/d", taken), ("a/e", WRONG_T),
        )
    ]  # fmt: skip
    text = str(result_of(*found)).splitlines()
    assert "  findings at SHOULD (4)" in text
    assert (
        sum(line.startswith("    accepted-though-illegal (2): ") for line in text) == 1
    )
    assert [line for line in text if line.startswith("    a/c (1)")]
    assert [line for line in text if line.startswith("    a/e (1)")]


def test_a_long_list_of_failures_is_cut_and_counted():
    failed = [verdict(f"a/{n}/x", Status.FAIL, failure=WRONG_T) for n in range(8)]
    text = str(result_of(*failed))
    assert text.count("such as") == 5
    assert text.endswith("    and 3 more requirements\n  port: port 1.0, Ada")


def test_the_repr_is_one_line_with_the_first_failure():
    assert repr(result_of(*MIXED)) == (
        "<TargetResult NOT CONFORMANT: x.py:Mine, 2 of 5 MUST checks pass; first "
        "a/b/2: the step counter is wrong: p[1] = 2, due 1>"
    )
    assert repr(result_of(*MIXED[:1])) == (
        "<TargetResult CONFORMANT: x.py:Mine, 1 of 1 MUST checks pass>"
    )


def test_a_dialect_stands_beside_the_verdict():
    result = result_of(*MIXED[:1])
    result.identity = replace(IDENTITY, dialect="keras")
    assert repr(result).startswith("<TargetResult CONFORMANT by its dialect keras: ")
    result.problem = "failed its smoke test: x"
    assert repr(result).startswith("<TargetResult NOT JUDGED: x.py:Mine, failed its ")


def test_faults_are_told_unless_they_are_not_wanted(ports):
    options = {"only": "algorithm/[ae]*", "fresh": 0, "seed": 1}
    result = evaluate(ports.Twice, **options)
    assert result.faults.faults
    assert f"\n  1. {result.faults.faults[0].slug}: " in str(result)
    assert evaluate(ports.Twice, explain=False, **options).faults is None


def test_the_seed_is_new_for_a_person_and_fixed_in_ci(monkeypatch):
    options = {"only": "algorithm/update/binary64", "fresh": 0}
    monkeypatch.delenv("CI", raising=False)
    seeds = {evaluate(NumpyAdapter(), **options).seed for _ in range(2)}
    assert len(seeds) == 2
    monkeypatch.setenv("CI", "1")
    assert evaluate(NumpyAdapter(), **options).seed == 20260101


def is_must(verdict):
    return verdict.level == "MUST"


def is_no_may(verdict):
    return verdict.level != "MAY"


def is_in_one_process(verdict):
    return "new-process" not in verdict.scenario + verdict.message


@pytest.mark.parametrize(
    ("options", "only", "holds"),
    [
        ({"level": "must"}, "special-values/*/binary16", is_must),
        ({"level": "SHOULD"}, "special-values/*/binary16", is_no_may),
        ({"quick": True}, "state-dict/*/binary16", is_in_one_process),
    ],
    ids=["must", "should", "quick"],
)
def test_options_select(options, only, holds):
    base = {"only": only, "fresh": 0, "seed": 1, "explain": False}
    everything = evaluate(Twice(), **base).verdicts
    chosen = evaluate(Twice(), **base, **options).verdicts
    assert 0 < len(chosen) < len(everything)
    assert all(map(holds, chosen))
    assert not all(map(holds, everything))


# -- what is loaded --------------------------------------------------------------------

HEAVY = ("torch", "hypothesis", "mpmath", "numpy")


@pytest.mark.parametrize(
    "code",
    [
        "import adagrad_conformance",
        "from adagrad_conformance import *; evaluate, TargetResult, UserError",
        "import adagrad_conformance as a; [getattr(a, name) for name in dir(a)]",
        "import adagrad_conformance, pydoc; pydoc.render_doc(adagrad_conformance)",
        "from adagrad_conformance import evaluate; import pydoc; "
        "pydoc.render_doc(evaluate)",
        "from adagrad_conformance import evaluate; import inspect; "
        "inspect.signature(evaluate)",
        "from adagrad_conformance import TargetResult; repr(TargetResult('x'))",
    ],
)
def test_nothing_heavy_is_loaded_before_a_port_is_judged(code):
    show = f"import sys; print([m for m in {HEAVY} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\n{show}"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "[]"


def test_the_public_names_are_there():
    names = adagrad_conformance.__all__
    assert set(names) <= set(dir(adagrad_conformance))
    for name in names:
        assert getattr(adagrad_conformance, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = adagrad_conformance.nothing


def test_the_docstring_explains_every_parameter():
    import inspect

    text = evaluate.__doc__
    for name in inspect.signature(evaluate).parameters:
        assert f"`{name}`" in text, name


def test_the_example_of_the_readme_is_real():
    """Its code runs, and its output begins as the result does."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    section = readme.partition("### From Python")[2]
    code = section.partition("```python\n")[2].partition("```")[0]
    shown = section.partition("```\nNOT")[2].partition("```")[0]
    assert "evaluate(" in code
    compile(code, "README.md", "exec")
    for words in ("MUST checks pass", "  1. ", "such as", "seed 1"):
        assert words in shown
