"""`explore`: its output, its files, its seeds, and what it needs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from explore_kit import (
    PATIENCE,
    drawn,
    kinds,
)

from adagrad_conformance import explore as package
from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_conformance.cli.main import main
from adagrad_conformance.explore import check
from adagrad_conformance.reports.stream import read_stream
from adagrad_reference.scenario import (
    SetState,
    Step,
    Steps,
)
from adagrad_reference.scenario_json import scenario_from_json, scenario_to_json


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
        "import adagrad_conformance.cli.running.run",
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
