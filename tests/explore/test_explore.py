"""Exploration: what is drawn is lawful, what is wrong is found, shrunk and replayed.

Everything here is drawn from fixed seeds; `make explore` looks elsewhere each time.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from adagrad_conformance import explore as package
from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.base import CLAIMS, Malformed
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad
from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_conformance.checks.scenarios.ordinary import is_ordinary
from adagrad_conformance.cli.main import main
from adagrad_conformance.explore import check, explore, scenarios
from adagrad_conformance.explore import search as search_module
from adagrad_conformance.explore.machine import machine
from adagrad_conformance.reports.stream import read_stream
from adagrad_conformance.transport.errors import Crash, Timeout
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.claims import needed_claims
from adagrad_reference.flags import Flag
from adagrad_reference.formats import FORMATS
from adagrad_reference.options import OPTION_NAMES
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Load,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)
from adagrad_reference.scenario_json import scenario_from_json, scenario_to_json

ALL = frozenset(CLAIMS)
TAU = "initial_accumulator_value"
PATIENCE = 120  # seconds; only a failure waits so long


def drawn(count, claims=ALL, start=1):
    """`count` scenarios, always the same."""
    found = []

    @seeded(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios(claims))
    def collect(scenario):
        found.append(scenario)

    collect()
    return found


@pytest.fixture(scope="module")
def many():
    return drawn(600)


# -- what is drawn ---------------------------------------------------------------------


def happenings(scenario):
    """Words for all that happens in a scenario."""
    books = Bookkeeper(scenario)
    for event in scenario.events:
        effect = books.apply(event)
        yield type(event).__name__ + (" refused" if effect.refusal else "")
        if isinstance(event, Load):
            yield f"load {event.via}"
        if isinstance(event, Step):
            yield "closure" if event.loss is not None else "no closure"
            for gradient in event.gradients.values():
                yield type(gradient).__name__
                if isinstance(gradient, Tensor) and gradient.layout:
                    yield "laid out gradient"
    for tensor in scenario.tensors.values():
        yield tensor.format
        yield "complex" if tensor.complex else "real"
        yield "laid out" if tensor.layout else "plain"
    if len(scenario.formats) > 1:
        yield "mixed"
    if len(books.optimizers) > 1:
        yield "two optimizers"


def test_everything_is_drawn(many):
    seen = Counter(word for scenario in many for word in set(happenings(scenario)))
    expected = {
        *(kind.__name__ for kind in get_args(Event)), "New refused",
        "AddGroup refused", "Load refused", "Step refused", "load same-object",
        "load deepcopy", "load bytes", "load new-process", "closure", "NoneType",
        "Sparse", "Tensor", "complex", "laid out", "laid out gradient", "mixed",
        "two optimizers", *FORMATS,
    }  # fmt: skip
    assert expected <= set(seen)
    assert min(seen[word] for word in expected) >= 3, seen


def test_the_state_machine_plays_every_kind():
    """Those of events, and those that are refused; few runs show them all."""
    due = {kind.__name__ for kind in get_args(Event)}
    due |= {"New refused", "AddGroup refused", "Step refused"}
    candidate = InProcessClient(numpy_own.NumpyAdapter)
    claims = candidate.start().claims

    def judge(observed):
        due.difference_update(happenings(observed.scenario))

    driven = machine(candidate, claims, lambda: None, judge)
    for start in range(20):
        once = seeded(start)(driven)
        run_state_machine_as_test(once, settings=search_module._settings(20))
        if not due:
            break
    assert due == set()


def test_options_are_drawn_on_and_off(many):
    for name in (*OPTION_NAMES,):
        given = [event.options for s in many for event in s.events[:1]]
        named = [options for options in given if name in options]
        assert len(named) > 20
        assert len(named) < len(given) - 20


def test_every_scenario_can_be_written_and_read(many):
    for scenario in many:
        text = json.dumps(scenario_to_json(scenario))
        assert repr(scenario_from_json(json.loads(text))) == repr(scenario)  # NaN too


def test_all_are_must_and_ordinary(many):
    for scenario in many:
        assert scenario.level == "MUST"
        assert scenario.requirements == ("numerics/fresh",)
        assert is_ordinary(scenario)


@settings(max_examples=60, database=None, deadline=None, derandomize=True)
@given(st.data())
def test_nothing_is_needed_that_is_not_claimed(data):
    claims = data.draw(st.sets(st.sampled_from(sorted(ALL))), label="claims")
    claims |= {data.draw(st.sampled_from(["binary64", "binary32"])), "eps"}
    scenario = data.draw(scenarios(frozenset(claims)))
    assert needed_claims(scenario) <= claims


@pytest.mark.parametrize("claim", sorted(ALL - {"binary32"}))
def test_a_claim_that_is_missing_is_not_needed(claim):
    claims = ALL - {claim}
    for scenario in drawn(25, claims):
        assert needed_claims(scenario) <= claims


def test_without_gradients_of_none_every_param_has_one():
    """A param whose gradient was never set is skipped, as one of None is."""
    for scenario in drawn(100, ALL - {"none-gradient"}):
        books = Bookkeeper(scenario)
        for event in scenario.events:
            books.apply(event)
            if isinstance(event, Step | Steps):
                params = books.params(event.optimizer)
                assert None not in [books.gradients[p] for p in params]


def test_what_the_document_leaves_open_is_not_drawn(many):
    for scenario in many:
        assert not list(open_questions(scenario)), scenario


def open_questions(scenario):
    """Each place where two right ports could differ."""
    books, loaded, kept = Bookkeeper(scenario), set(), {}
    for number, event in enumerate(scenario.events):
        who = event.optimizer
        if isinstance(event, ZeroGrad) and not event.set_to_none:
            gradients = [books.gradients[p] for p in books.params(who)]
            if any(not isinstance(g, Tensor) for g in gradients):
                yield "None may become zeros"
        live = isinstance(event, Load) and event.via == "same-object"
        if live and kept[event.name] != [who]:
            yield "a live state dict has changed"
        if isinstance(event, AddGroup) and who in loaded:
            full = set(OPTION_NAMES) - {TAU} <= set(event.group.options)
            inside = set(event.group.params) & set(books.params(who))
            if not full and not inside:
                yield "whose defaults?"
        groups = getattr(event, "groups", ()) or [getattr(event, "group", None)]
        if any(TAU in getattr(group, "options", {}) for group in groups):
            yield "a group's own tau is a SHOULD"
        if isinstance(event, SetOption) and event.option == TAU:
            yield "tau cannot be changed"
        effect = books.apply(event)
        if effect.refusal:
            if isinstance(event, Step):
                last = number == len(scenario.events) - 1
                if not last or Flag.OUTCOME_ONLY not in scenario.flags:
                    yield "a refused step may change something"
            if "another shape" in effect.refusal:
                yield "the refusal of another shape is a SHOULD"
            continue
        if isinstance(event, Save):
            kept[event.name] = [who]
        elif not isinstance(event, New | Read | ZeroGrad):
            for events in kept.values():
                events += [event] if who == events[0] else []
        if isinstance(event, Load):
            loaded.add(who)
        if isinstance(event, New):
            loaded.discard(who)


def test_open_questions_would_be_seen():
    p = Tensor("binary64", (1,), (0x3FE0000000000000,))
    made = New("A", (package_group("p"),), {"lr": 0.7, "eps": 0.1})

    def asked(*events):
        return list(open_questions(Scenario("s", (), "MUST", {"p": p, "q": p}, events)))

    assert asked(made, ZeroGrad("A", False))
    assert asked(made, Save("A", "s"), Step("A"), Load("A", "s", "same-object"))
    added = AddGroup("A", package_group("q", lr=0.3))
    assert asked(made, Save("A", "s"), Load("A", "s", "bytes"), added)
    assert asked(made, AddGroup("A", package_group("q", **{TAU: 0.3})))
    rows = Step("A", {"p": Sparse((1,), (0,), p)})
    assert asked(New("A", made.groups, {"weight_decay": 0.3}), rows)
    assert not asked(made, Step("A", {"p": p}), added)


def package_group(name, **options):
    from adagrad_reference.scenario import Group

    return Group((name,), options)


@pytest.mark.parametrize(
    "claims", [set(), {"state"}, {"binary16", "defaults"}, {"binary32"}]
)
def test_claims_that_leave_nothing(claims):
    with pytest.raises(ValueError, match="nothing to draw"):
        drawn(1, frozenset(claims))


def test_unknown_claims():
    with pytest.raises(
        ValueError, match="unknown claims \\['fast'\\]; known: binary64"
    ):
        scenarios(frozenset({"binary64", "fast"}))


SHOW_DIGEST = """
import test_explore
print(test_explore.digest())
"""


def digest():
    """Some scenarios as one short text."""
    data = [scenario_to_json(s) for s in drawn(40, start=5)]
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()


def test_the_same_seed_draws_the_same_in_another_process():
    """Compared between new processes: Hypothesis looks at what modules are loaded."""
    shown = {
        subprocess.run(
            [sys.executable, "-c", SHOW_DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=os.path.dirname(__file__),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "4242")
    }
    assert len(shown) == 1


# -- right ports -----------------------------------------------------------------------

RIGHT = {
    "numpy": numpy_own.NumpyAdapter,
    "own/torch-single": torch_own.single,
    "own/torch-foreach": torch_own.foreach,
    "torch/single": torch_optim.single,
    "torch/foreach": torch_optim.foreach,
}


def explored(factory, examples, start=1, without=frozenset()):
    candidate = InProcessClient(factory)
    identity = candidate.start()
    return explore(candidate, identity.claims - without, examples, start)


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


def adapter_of(port):
    class Of(numpy_own.NumpyAdapter):
        name = port.__name__
        claims = numpy_own.NumpyAdapter.claims - {"sparse", "complex", "layout"}

        def make_optimizer(self, params, options):
            return port(params, **options)

    return Of


def kinds(scenario):
    return [type(event).__name__ for event in scenario.events]


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


# -- the command -----------------------------------------------------------------------


@pytest.fixture(autouse=True)
def person(monkeypatch):
    """As at a person's terminal."""
    monkeypatch.delenv("CI", raising=False)


def cli(*args):
    result = CliRunner().invoke(main, [str(arg) for arg in args])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


#: Only after a load, only with lr_decay, only the second param.
FORGETFUL = """
import torch

class Forgetful(torch.optim.Adagrad):
    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        self.loaded = True

    def step(self, closure=None):
        params = [p for group in self.param_groups for p in group["params"]]
        if closure is not None or len(params) < 2 or not hasattr(self, "loaded"):
            return super().step(closure)
        kept = [p.grad for p in params]
        params[1].grad = None
        super().step()
        for p in params:
            p.grad = None
        params[1].grad = kept[1]
        decays = [group["lr_decay"] for group in self.param_groups]
        for group in self.param_groups:
            group["lr_decay"] = 0.0
        super().step()
        for p, grad in zip(params, kept):
            p.grad = grad
        for group, decay in zip(self.param_groups, decays):
            group["lr_decay"] = decay
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of the user's with a wrong port in it."""
    (tmp_path / "ports.py").write_text(FORGETFUL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def snippet_of(output):
    lines = output.partition("in torch, without this suite\n")[2].splitlines()
    return "\n".join(line.removeprefix("  ") for line in lines)


def test_a_planted_bug_is_found_shrunk_and_replayed(folder):
    result = cli("explore", "ports.py:Forgetful", "--seed", 3, "--examples", 400)
    assert result.exit_code == 1, result.output
    assert "a difference, found after" in result.output
    assert "theta is a value that no legal evaluation gives" in result.output
    assert "run ports.py:Forgetful --scenario explored.json" in result.output
    assert {path.name for path in folder.iterdir()} <= {
        "ports.py", "explored.json", "__pycache__",
    }  # fmt: skip

    scenario = scenario_from_json(json.loads(Path("explored.json").read_text()))
    assert 4 <= len(scenario.events) <= 6
    assert len(scenario.tensors) == 2
    assert sum(tensor.size for tensor in scenario.tensors.values()) <= 3
    out = folder / "out.jsonl"
    args = ["run", "ports.py:Forgetful", "--scenario", "explored.json", "--json", out]
    assert cli(*args).exit_code == 1
    (record,) = read_stream(out).checks
    assert record["status"] == "fail"
    assert record["reproducer"] == scenario_to_json(scenario)
    assert cli("run", "torch/single", "--scenario", "explored.json").exit_code == 0

    text = snippet_of(result.output)
    assert len(text.splitlines()) <= 20
    assert "adagrad_conformance" not in text
    shown = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True
    )
    assert record["observed"].split()[0] in shown.stdout


def test_the_same_seed_finds_the_same(folder):
    (folder / "slow.py").write_text(WRONG)
    args = ["explore", "slow.py:Upwards", "--seed", 3, "--examples", 20, "-o"]
    names = ("one.json", "two.json")
    outputs = [cli(*args, name).output.replace(name, "") for name in names]
    assert outputs[0] == outputs[1]
    one, two = (Path(name).read_bytes() for name in names)
    assert one == two
    assert outputs[0].splitlines()[-1].startswith("  adagrad-conformance run")


def test_no_difference(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = cli("explore", "numpy", "--seed", 4, "--examples", 20)
    assert result.exit_code == 0, result.output
    assert "exploring numpy, seed 4\nnumpy: 4" in result.output
    assert result.output.endswith(" examples, no difference\n")
    assert list(tmp_path.iterdir()) == []


def test_the_seed_is_new_for_a_person_and_fixed_in_ci(monkeypatch):
    first, second = (cli("explore", "numpy", "--examples", 1).output for _ in range(2))
    assert first.splitlines()[0] != second.splitlines()[0]
    monkeypatch.setenv("CI", "1")
    assert "seed 20260101" in cli("explore", "numpy", "--examples", 1).output


def complains(result, code, *words):
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]


def test_wrong_usage(tmp_path):
    complains(cli("explore", "numpyy"), 2, "unknown target 'numpyy'")
    complains(cli("explore", "numpy", "-o", tmp_path), 2, "cannot write", "--output")
    complains(cli("explore", "numpy", "-o", "no/where.json"), 2, "cannot write")
    assert cli("explore", "numpy", "--examples", 0).exit_code == 2
    assert cli("explore").exit_code == 2


def test_a_target_that_cannot_be_loaded(folder):
    complains(cli("explore", "ports.py:Nobody"), 3, "could not be loaded", "Nobody")
    complains(cli("explore", "exec:no-such-program"), 3, "could not be loaded")


#: One hangs in its second step, one goes the wrong way, one claims next to nothing.
WRONG = """
import sys
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter

class Hanging(NumpyAdapter):
    name = "hangs"
    def step(self, optimizer):
        for state in self.optimizers[optimizer].state.values():
            while state["step"] >= 1:
                pass
        return super().step(optimizer)

class Upwards(NumpyAdapter):
    name = "adds"
    def make_optimizer(self, params, options):
        maximize = not options.get("maximize", False)
        return super().make_optimizer(params, {**options, "maximize": maximize})

class Modest(NumpyAdapter):
    claims = frozenset({"binary16", "state", "defaults"})
"""


def test_a_port_that_hangs_is_not_waited_for_again(folder):
    (folder / "slow.py").write_text(WRONG)
    args = ["--seed", 1, "--timeout", 5, "--examples", 50]
    result = cli("explore", "slow.py:Hanging", *args)
    assert result.exit_code == 1, result.output
    assert "timeout (no-answer): no answer within 5 s" in result.output
    scenario = scenario_from_json(json.loads(Path("explored.json").read_text()))
    assert any(isinstance(event, Step | Steps) for event in scenario.events)
    assert "in torch" not in result.output
    args = ["--scenario", "explored.json", "--timeout", 5]
    assert cli("run", "slow.py:Hanging", *args).exit_code == 1


def test_claims_that_leave_nothing_to_explore(folder):
    (folder / "slow.py").write_text(WRONG)
    complains(cli("explore", "slow.py:Modest"), 4, "nothing to explore")


def test_without_hypothesis(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    due = "pip install 'adagrad-conformance[explore]'"
    complains(cli("explore", "numpy"), 2, due)


@pytest.mark.parametrize(
    "code",
    [
        "import adagrad_conformance",
        "main(['--help'], standalone_mode=False)",
        "main(['explore', '--help'], standalone_mode=False)",
        "import adagrad_conformance.cli.run",
    ],
)
def test_hypothesis_is_loaded_for_exploring_alone(code):
    text = (
        "import sys; from adagrad_conformance.cli.main import main\n"
        f"{code}\nprint('hypothesis' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=PATIENCE
    )
    assert ran.stdout.splitlines()[-1] == "False", ran.stderr


def test_only_the_package_imports_hypothesis():
    root = Path(package.__file__).parents[1]
    for path in root.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if isinstance(node, ast.ImportFrom | ast.Import):
                names = [a.name for a in node.names]
                names.append(getattr(node, "module", None) or "")
                if any(name.split(".")[0] == "hypothesis" for name in names):
                    assert path.parent.name == "explore", path


def test_a_torch_class_can_be_checked_too():
    import torch

    (scenario, *_) = [s for s in drawn(60) if kinds(s) == ["New", "Step"]]
    made = lambda: TorchAdapter("mine", torch.optim.Adagrad)  # noqa: E731
    assert check(made, scenario).status == "pass"
    assert not isinstance(check(made, scenario).failure, SetState)
