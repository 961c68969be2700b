"""The command: what it loads, its exit codes, its messages, what it leaves behind.

`cli` runs it in this process; ports are child processes all the same. `command` is for
what only a process of its own shows. A `Quick` run plays a handful of scenarios.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from adagrad_conformance import files
from adagrad_conformance.adapters.registry import ADAPTERS
from adagrad_conformance.checks import vector_files as library
from adagrad_conformance.checks.kinds import Adaptive, NativeCheck, Relation, kind
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.cli import explain
from adagrad_conformance.cli import run as run_command
from adagrad_conformance.cli import vectors as vectors_command
from adagrad_conformance.cli.main import main
from adagrad_conformance.errors import UserError
from adagrad_conformance.evaluation.defaults import CI_SEED
from adagrad_conformance.reports.stream import read_stream
from adagrad_conformance.reproducers.torch_script import torch_snippet
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.scenario import Scenario, Steps
from adagrad_reference.scenario_json import scenario_from_json

QUICK = ["--only", "algorithm/update/*", "--fresh", "0", "--seed", "1"]
HOST = f"exec:{sys.executable} -m adagrad_conformance.host"
PATIENCE = 60  # seconds; only a failure waits so long


class KnownLibrary(Library):
    """The shipped vectors, read once."""

    def scenarios(self):
        return iter(SCENARIOS)


SHIPPED = Library.read()
SCENARIOS = [scenario_from_json(data) for data in SHIPPED.raw.values()]
KNOWN = KnownLibrary(SHIPPED.raw, SHIPPED.digest)


@pytest.fixture
def known(monkeypatch):
    """Do not read the files again for every command."""
    monkeypatch.setattr(Library, "read", classmethod(lambda cls, folder=None: KNOWN))


@pytest.fixture(autouse=True)
def person(monkeypatch):
    """As at a person's terminal, unless a test says otherwise."""
    monkeypatch.delenv("CI", raising=False)


def cli(*args, env=None):
    """Run the command here; an exception that reaches the user is an error."""
    result = CliRunner().invoke(main, [str(arg) for arg in args], env=env)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def command(*args, **options):
    """Run the command as a process."""
    line = [sys.executable, "-m", "adagrad_conformance", *map(str, args)]
    return subprocess.run(
        line, capture_output=True, text=True, timeout=PATIENCE, check=False, **options
    )


def complains(result, code, *words):
    """One line for the user, with these words, and nothing else."""
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    for word in words:
        assert str(word) in lines[0]


def target_problem(result_file, target):
    records = {r["target"]: r for r in read_stream(result_file).targets}
    return records[target].get("problem", "")


@pytest.fixture
def ports(tmp_path):
    """A file of small ports; gives 'FILE:' to put a class name behind."""
    path = tmp_path / "ports.py"
    path.write_text(textwrap.dedent(PORTS))
    return f"{path}:"


PORTS = """
    from dataclasses import replace

    from adagrad_conformance.adapters.base import Adapter, Tensor
    from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter


    class Right(NumpyAdapter):
        name = "right"


    class Twice(NumpyAdapter):
        "Steps twice."

        def step(self, optimizer):
            super().step(optimizer)
            super().step(optimizer)


    class Rude(NumpyAdapter):
        "Shows other params than it was given: fails its smoke test."

        def read(self, optimizer):
            return {
                name: replace(r, theta=replace(r.theta, bits=(0,) * len(r.theta.bits)))
                for name, r in super().read(optimizer).items()
            }


    class Modest(NumpyAdapter):
        "Claims a format and nothing else."

        claims = frozenset({"binary64"})


    class Closed(NumpyAdapter):
        "Shows no state: it is held to the boxes."

        claims = NumpyAdapter.claims - {"state", "state-write"}

        def read(self, optimizer):
            return {
                name: replace(reading, state_sum=None, t=None)
                for name, reading in super().read(optimizer).items()
            }


    class Late(NumpyAdapter):
        "Well behaved until its first step."

        spoiled = None

        def begin(self, tensors):
            super().begin(tensors)
            self.stepped = False

        def step(self, optimizer):
            super().step(optimizer)
            self.stepped = True

        def read(self, optimizer):
            readings = super().read(optimizer)
            if not self.stepped:
                return readings
            return {name: self.spoil(r) for name, r in readings.items()}


    class WrongShape(Late):
        def spoil(self, reading):
            bits = reading.theta.bits
            flat = Tensor(reading.theta.format, (1, len(bits)), bits)
            return replace(reading, theta=flat)


    class WrongFormat(Late):
        def spoil(self, reading):
            other = "binary32" if reading.theta.format == "binary64" else "binary64"
            zeros = (0,) * reading.theta.size
            return replace(reading, theta=Tensor(other, reading.theta.shape, zeros))


    class WrongDtype(Late):
        "Its array has turned into integers."

        def spoil(self, reading):
            import numpy as np

            name = next(iter(self.params))
            self.params[name].data = self.params[name].data.astype(np.int32)
            return next(iter(super().read("A").values()))


    class NoCount(Late):
        def spoil(self, reading):
            return replace(reading, t=-1)


    class Exits(NumpyAdapter):
        def step(self, optimizer):
            import os

            os._exit(7)


    class Raises(NumpyAdapter):
        def __init__(self):
            raise LookupError("no licence key")


    class Needy(NumpyAdapter):
        def __init__(self, key):
            pass


    class Thing:
        pass
"""

TORCH_PORTS = """
    import torch


    class Mine(torch.optim.Adagrad):
        pass


    class InsideTheRoot(torch.optim.Optimizer):
        def __init__(self, params, lr=1e-2, lr_decay=0, weight_decay=0,
                     initial_accumulator_value=0, eps=1e-10, maximize=False):
            super().__init__(params, dict(lr=lr, eps=eps))
            for group in self.param_groups:
                for p in group["params"]:
                    self.state[p] = {"step": torch.tensor(0.0),
                                     "sum": torch.zeros_like(p)}

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is not None:
                        state = self.state[p]
                        state["step"] += 1
                        state["sum"].addcmul_(p.grad, p.grad)
                        root = (state["sum"] + group["eps"]).sqrt()
                        p.addcdiv_(p.grad, root, value=-group["lr"])


    class Broken(torch.optim.Optimizer):
        def __init__(self, params, **options):
            raise AttributeError("half an optimizer")
"""

# -- what is loaded ------------------------------------------------------------------

HEAVY = ("torch", "hypothesis", "mpmath", "numpy")


@pytest.mark.parametrize(
    "code",
    [
        "import adagrad_conformance",
        "import adagrad_conformance.cli.main",
        "from adagrad_conformance.cli.main import main; main(['--help'], "
        "standalone_mode=False)",
        "from adagrad_conformance.cli.main import main; main(['run', '--help'], "
        "standalone_mode=False)",
        "import adagrad_conformance.transport.targets",
    ],
)
def test_nothing_heavy_is_loaded(code):
    show = f"import sys; print([m for m in {HEAVY} if m in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\n{show}"], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_run_loads_no_framework_into_its_own_process():
    show = "print([m for m in ('torch', 'hypothesis') if m in sys.modules])"
    code = (
        "import sys; from adagrad_conformance.cli.main import main\n"
        f"try: main(['run', 'own/torch-single', *{QUICK}])\n"
        f"except SystemExit as end: print(end.code)\n{show}"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.splitlines()[-2:] == ["0", "[]"], ran.stderr


def test_help_and_version():
    shown = cli("--help")
    assert shown.exit_code == 0
    for word in ("run", "list", "explain", "report", "vectors"):
        assert word in shown.output
    assert cli("-h").output == shown.output
    assert cli("--version").output.startswith("adagrad-conformance")


def test_python_m_is_the_same_command():
    ran = command("--help")
    assert ran.returncode == 0
    assert "run torch/single" in ran.stdout


# -- exit codes ----------------------------------------------------------------------


def test_numpy_passes_everything():
    result = cli("run", "numpy", "--seed", "1")
    assert result.exit_code == 0, result.output
    assert "CONFORMANT" in result.output
    assert "NOT CONFORMANT" not in result.output


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ("Right", 0),
        ("Modest", 4),
        ("Twice", 1),
        ("Rude", 3),
        ("Right Modest", 4),
        ("Modest Twice Right", 1),
        ("Twice Rude Modest Right", 3),
    ],
)
def test_the_gravest_exit_code_wins(known, ports, names, code):
    targets = [ports + name for name in names.split()]
    assert cli("run", *targets, *QUICK, "--jobs", 2).exit_code == code


def test_a_usage_error_wins_over_all(known, ports):
    result = cli("run", ports + "Rude", ports + "Twice", "nonsense", *QUICK)
    complains(result, 2, "nonsense", "list candidates")


@pytest.mark.parametrize("target", ["nonsense", "torch/singel", "", "exec:", "exec: "])
def test_an_unknown_target_is_a_usage_error(known, target):
    result = cli("run", target, *QUICK)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_command_with_an_open_quote_is_named(known):
    complains(cli("run", "exec:node 'my port", *QUICK), 2, "node 'my port")


@pytest.mark.parametrize(
    "args",
    [
        ["run"],
        ["run", "numpy", "--level", "most"],
        ["run", "numpy", "--seed", "x"],
        ["run", "numpy", "--fresh", "-1"],
        ["run", "numpy", "--timeout", "0"],
        ["run", "numpy", "--jobs", "0"],
        ["run", "numpy", "--format", "xml"],
        ["list", "nothing"],
        ["frobnicate"],
        ["report"],
    ],
)
def test_wrong_usage(args):
    result = cli(*args)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("Thing", ("neither an Adapter", "conformance/README.md")),
        ("Raises", ("LookupError", "no licence key")),
        ("Needy", ("TypeError", "key")),
        ("Absent", ("no 'Absent'",)),
        ("Rude", ("smoke test", "did not read back")),
    ],
)
def test_what_cannot_be_loaded_says_why(known, ports, tmp_path, target, words):
    out = tmp_path / "out.json"
    result = cli("run", ports + target, *QUICK, "--json", out)
    assert result.exit_code == 3
    problem = target_problem(out, ports + target)
    assert "\n" not in problem
    for word in words:
        assert word in problem
    assert words[0].split()[0] in result.stdout


@pytest.mark.parametrize(
    ("target", "word"),
    [
        ("no_such_module:Adagrad", "no_such_module"),
        ("no/such/file.py:Adagrad", "no/such/file.py"),
        ("collections:Nothing", "Nothing"),
        ("collections:OrderedDict", "neither an Adapter"),
        ("json:", "json"),
        (":Adagrad", ":Adagrad"),
        ("exec:/no/such/program --fast", "/no/such/program"),
        ("exec:true", "exit code 0"),
    ],
)
def test_targets_that_are_not_there(known, tmp_path, target, word):
    out = tmp_path / "out.json"
    assert cli("run", target, *QUICK, "--json", out).exit_code == 3
    assert word in target_problem(out, target)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("def broken(:\n", "SyntaxError"),
        ("raise SystemExit(0)\n", "SystemExit"),
        ("1 / 0\n", "division by zero"),
        ("import no_such_thing\n", "no_such_thing"),
    ],
)
def test_a_file_that_cannot_be_imported(known, tmp_path, text, word):
    path = tmp_path / "port.py"
    path.write_text(text)
    out = tmp_path / "out.json"
    assert cli("run", f"{path}:Port", *QUICK, "--json", out).exit_code == 3
    problem = target_problem(out, f"{path}:Port")
    assert word in problem
    assert "\n" not in problem


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("WrongShape", "malformed"),
        ("WrongFormat", "malformed"),
        ("WrongDtype", "malformed"),
        ("NoCount", "malformed"),
        ("Exits", "crash"),
        ("Twice", "fail"),
    ],
)
def test_a_port_that_goes_wrong_later_fails(known, ports, tmp_path, name, status):
    out = tmp_path / "out.json"
    result = cli("run", ports + name, *QUICK, "--json", out)
    assert result.exit_code == 1
    checks = read_stream(out).checks
    assert {check["status"] for check in checks} == {status}
    assert all(check["message"] for check in checks)
    assert "NOT CONFORMANT" in result.stdout


def test_a_torch_optimizer_needs_no_adapter(known, tmp_path):
    path = tmp_path / "torch_ports.py"
    path.write_text(textwrap.dedent(TORCH_PORTS))
    names = ("Mine", "InsideTheRoot", "Broken")
    targets = [f"{path}:{name}" for name in names]
    out = tmp_path / "out.json"
    only = ["--only", "algorithm/eps-*", "--fresh", "0", "--jobs", "2"]
    assert cli("run", *targets, *only, "--json", out).exit_code == 3
    found = read_stream(out)
    by_target = {
        name: {c["status"] for c in found.checks if c["target"] == target}
        for name, target in zip(names, targets, strict=True)
    }
    assert by_target == {"Mine": {"pass"}, "InsideTheRoot": {"fail"}, "Broken": set()}
    assert "half an optimizer" in target_problem(out, targets[2])


def test_a_module_in_the_current_folder(known, ports, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli("run", "ports:Right", *QUICK).exit_code == 0


def test_a_relative_file(known, ports, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli("run", "ports.py:Right", *QUICK).exit_code == 0


def test_a_command(known):
    assert cli("run", f"{HOST} numpy", *QUICK).exit_code == 0


def test_a_target_named_twice_is_played_once(known, tmp_path):
    out = tmp_path / "out.json"
    assert cli("run", "numpy", "numpy", *QUICK, "--json", out).exit_code == 0
    assert len(read_stream(out).targets) == 1


def test_nothing_selected(known):
    complains(cli("run", "numpy", "--only", "no/such/*"), 4, "list scenarios")


# -- the vectors it stands on --------------------------------------------------------


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A copy of the vectors, in their place."""
    folder = shutil.copytree(library.vectors_folder(), tmp_path / "data")
    for module in (library, vectors_command):
        monkeypatch.setattr(module, "vectors_folder", lambda: folder)
    return folder


ON_VECTORS = (
    ["run", "numpy", *QUICK],
    ["list", "scenarios"],
    ["explain", "algorithm/update"],
    ["vectors", "show", "algorithm/update/binary64"],
)


@pytest.mark.parametrize("args", ON_VECTORS, ids=lambda args: args[0])
def test_an_altered_vector_file_is_refused(data, args):
    path = data / "maximize.json"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    complains(cli(*args), 2, "maximize.json", "altered", "vectors verify")


@pytest.mark.parametrize("args", ON_VECTORS, ids=lambda args: args[0])
def test_vectors_of_another_version_are_refused(data, args):
    path = data / "MANIFEST.json"
    path.write_text(path.read_text().replace('version": 1', 'version": 2'))
    complains(cli(*args), 2, "MANIFEST.json", "version 2")


@pytest.mark.parametrize("args", ON_VECTORS, ids=lambda args: args[0])
def test_missing_vectors_are_named(data, args):
    (data / "groups.json").unlink()
    complains(cli(*args), 2, "cannot read", "groups.json")


def test_list_candidates_needs_no_vectors(data):
    shutil.rmtree(data)
    assert cli("list", "candidates").exit_code == 0


# -- options -------------------------------------------------------------------------


def header_of(path):
    return read_stream(path).header


@pytest.mark.parametrize(("level", "levels"), [("must", 1), ("should", 2), ("may", 3)])
def test_level_plays_up_to_that_level(known, tmp_path, level, levels):
    out = tmp_path / "out.json"
    only = ["--only", "special-values/*/binary16", "--fresh", "0"]
    result = cli("run", "numpy", "--level", level, *only, "--json", out)
    assert result.exit_code == 0
    seen = {check["level"] for check in read_stream(out).checks}
    assert seen == {"MUST", "SHOULD", "MAY"} & set(("MUST", "SHOULD", "MAY")[:levels])


def test_strict_counts_a_should(known, tmp_path):
    path = tmp_path / "port.py"
    path.write_text(
        "from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter\n"
        "class Forgets(NumpyAdapter):\n"
        "    def new(self, optimizer, groups, options):\n"
        "        from dataclasses import replace\n"
        "        groups = tuple(replace(g, options={\n"
        "            k: v for k, v in g.options.items()\n"
        "            if k != 'initial_accumulator_value'}) for g in groups)\n"
        "        super().new(optimizer, groups, options)\n"
    )
    args = ["run", f"{path}:Forgets", "--only", "groups/own-*", "--fresh", "0"]
    plain = cli(*args)
    assert plain.exit_code == 0
    assert "Findings at SHOULD" in plain.stdout
    assert cli(*args, "--strict").exit_code == 1
    assert cli(*args, "--strict", "--level", "must").exit_code == 0


def played(path):
    return [check["scenario"] for check in read_stream(path).checks]


def test_only_takes_scenarios_and_requirements(known, tmp_path):
    out = tmp_path / "out.json"
    for glob, word in (("maximize/ascends/*", "ascends"), ("maximize/sign", "/")):
        cli("run", "numpy", "--only", glob, "--fresh", "0", "--json", out)
        assert played(out)
        assert all(word in name for name in played(out))
        assert header_of(out)["only"] == glob


def test_fresh_scenarios_come_from_the_seed(known, tmp_path):
    out = tmp_path / "out.json"
    seen = []
    for seed in ("5", "5", "6"):
        args = ["--only", "fresh/*", "--fresh", "1", "--seed", seed, "--json", out]
        assert cli("run", "numpy", *args).exit_code == 0
        assert header_of(out)["seed"] == int(seed)
        seen.append(played(out))
    assert len(seen[0]) == 8  # one and a large one in each format
    assert seen[0] == seen[1] != seen[2]


def test_the_seed_is_new_for_a_person_and_printed(known, tmp_path):
    out = tmp_path / "out.json"
    seeds = set()
    for _ in range(2):
        args = ["--only", "algorithm/update/binary64", "--fresh", "0", "--json", out]
        result = cli("run", "numpy", *args)
        seed = header_of(out)["seed"]
        assert f"seed {seed}" in result.stdout
        seeds.add(seed)
    assert len(seeds) == 2


def test_the_seed_is_fixed_in_ci(known, tmp_path):
    out = tmp_path / "out.json"
    args = ["run", "numpy", "--only", "algorithm/update/binary64", "--json", out]
    cli(*args, env={"CI": "1"})
    assert header_of(out)["seed"] == CI_SEED
    cli(*args, "--seed", "3", env={"CI": "1"})
    assert header_of(out)["seed"] == 3


def test_quiet_says_nothing(known):
    result = cli("run", "numpy", *QUICK, "--format", "quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_jsonl_on_standard_output_is_the_stream(known, tmp_path):
    out = tmp_path / "out.json"
    result = cli("run", "numpy", *QUICK, "--format", "jsonl", "--json", out)
    assert result.stdout == out.read_text()
    assert read_stream(out).footer["exit_code"] == 0


def test_the_stream_says_what_it_must(known, ports, tmp_path):
    out = tmp_path / "out.json"
    cli("run", "numpy", ports + "Twice", *QUICK, "--json", out)
    found = read_stream(out)
    assert found.header["vectors"] == SHIPPED.digest
    assert found.footer["exit_code"] == 1
    assert found.footer["counts"] == {"MUST/fail": 4, "MUST/pass": 4}
    due = {
        "target", "requirement", "scenario", "level", "status", "grade",
        "max_error_ulp", "event", "element", "message",
    }  # fmt: skip
    failed = [check for check in found.checks if check["status"] == "fail"]
    for check in failed:
        assert due <= set(check)
        assert check["observed"] != check["expected"]
    assert not any(isinstance(x, float) for x in scalars(found.checks))


def scalars(data):
    if isinstance(data, dict):
        data = data.values()
    if not isinstance(data, (list, tuple, type({}.values()))):
        return [data]
    return [x for item in data for x in scalars(item)]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    texts = []
    for hash_seed, jobs in (("1", 1), ("2", 2)):
        out = tmp_path / f"{hash_seed}.json"
        only = ["--only", "[af][lr]*", "--fresh", "2", "--seed", "11"]
        ran = command(
            *("run", "numpy", f"{HOST} numpy", *only, "--jobs", jobs, "--json", out),
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        )
        assert ran.returncode == 0, ran.stderr
        texts.append((ran.stdout, out.read_bytes()))
    assert texts[0] == texts[1]


# -- one scenario from a file --------------------------------------------------------


def shipped(name="algorithm/update/binary64"):
    return copy.deepcopy(SHIPPED.raw[name])


def write_json(path, data):
    path.unlink(missing_ok=True)  # writing over a file can be slow
    path.write_text(json.dumps(data))
    return path


def test_a_scenario_file_is_played_alone(known, tmp_path):
    path = write_json(tmp_path / "s.json", {**shipped(), "id": "mine/first"})
    out = tmp_path / "out.json"
    assert cli("run", "numpy", "--scenario", path, "--json", out).exit_code == 0
    assert played(out) == ["mine/first"]


def test_what_vectors_show_prints_is_a_scenario_file(known, tmp_path):
    path = tmp_path / "s.json"
    path.write_text(cli("vectors", "show", "groups/own-options/binary32").output)
    assert cli("run", "numpy", "--scenario", path).exit_code == 0


@pytest.mark.parametrize("name", ["Right", "Closed"])
def test_an_edited_vector_is_judged_by_what_it_says_now(known, ports, tmp_path, name):
    """The id is that of a shipped vector, the numbers are not."""
    data = shipped("algorithm/eps-outside-root/binary64")
    step = data["events"][-1]["gradients"]["p"]
    step["bits"] = ["4000000000000000"] * len(step["bits"])
    path = write_json(tmp_path / "s.json", data)
    result = cli("run", ports + name, "--scenario", path)
    assert result.exit_code == 0, result.output


def test_a_failed_fresh_scenario_can_be_played_again(known, ports, tmp_path):
    out = tmp_path / "out.json"
    args = ["--only", "fresh/*", "--fresh", "2", "--seed", "5", "--json", out]
    assert cli("run", ports + "Twice", *args).exit_code == 1
    failed = [c for c in read_stream(out).checks if c["status"] == "fail"]
    path = write_json(tmp_path / "s.json", failed[0]["reproducer"])
    again = tmp_path / "again.json"
    args = ["--scenario", path, "--json", again]
    assert cli("run", ports + "Twice", *args).exit_code == 1
    check = read_stream(again).checks[0]
    for key in ("scenario", "message", "observed", "expected", "event", "element"):
        assert check[key] == failed[0][key]
    assert cli("run", "numpy", "--scenario", path).exit_code == 0


def test_a_scenario_file_that_is_not_there(known, tmp_path):
    path = tmp_path / "no.json"
    complains(cli("run", "numpy", "--scenario", path), 2, "cannot read", path)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"x"', "{}", "\udcff"])
def test_a_scenario_file_that_holds_none(known, tmp_path, text):
    path = tmp_path / "s.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    complains(cli("run", "numpy", "--scenario", path), 2, path, "no scenario")


def impossible(change):
    data = shipped()
    change(data)
    return data


IMPOSSIBLE = {
    "an unknown param": lambda d: d["events"][0]["groups"][0].update(params=["x"]),
    "an unknown optimizer": lambda d: d["events"][-1].update(optimizer="B"),
    "an unknown event": lambda d: d["events"][-1].update(do="leap"),
    "another shape": lambda d: d["events"][-1]["gradients"]["p"].update(shape=[2, 2]),
    "bits of another format": lambda d: d["tensors"]["p"].update(format="binary16"),
    "an unknown format": lambda d: d["tensors"]["p"].update(format="binary8"),
    "nothing saved": lambda d: d["events"].append(
        {"do": "load", "optimizer": "A", "name": "s", "via": "bytes"}
    ),
    "an unknown way": lambda d: d["events"].extend(
        [
            {"do": "save", "optimizer": "A", "name": "s"},
            {"do": "load", "optimizer": "A", "name": "s", "via": "telepathy"},
        ]
    ),
    "no group": lambda d: d["events"].append(
        {"do": "set-option", "optimizer": "A", "group": 1, "option": "lr",
         "value": {"bits": "3ff0000000000000"}}
    ),
    "a group that is no number": lambda d: d["events"].append(
        {"do": "set-option", "optimizer": "A", "group": "0", "option": "lr",
         "value": {"bits": "3ff0000000000000"}}
    ),
    "a counter that is none": lambda d: d["events"][1].update(t="5"),
    "a negative counter": lambda d: d["events"][1].update(t=-5),
    "an unknown level": lambda d: d.update(level="PERHAPS"),
    "a requirement that is no text": lambda d: d.update(requirements=[{}]),
    "an option that is no number": lambda d: d["events"][0]["options"].update(lr=True),
    "no events": lambda d: d.update(events=[]),
}  # fmt: skip


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_an_impossible_scenario(known, tmp_path, what):
    path = write_json(tmp_path / "s.json", impossible(IMPOSSIBLE[what]))
    complains(cli("run", "numpy", "--scenario", path), 2, path)


def spoiled(data):
    """Copies of a JSON value in which one thing has become another."""

    def walk(node, path):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield (*path, key)
            if isinstance(node[key], (dict, list)):
                yield from walk(node[key], (*path, key))

    for path in walk(data, ()):
        for value in (None, 7, "x", [], {}, [None], True):
            changed = copy.deepcopy(data)
            node = changed
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = value
            yield path, value, changed


def test_whatever_a_scenario_file_holds_reading_it_ends_well(tmp_path):
    """It is a scenario, or one line says that it is none."""
    data = shipped("groups/change-lr/binary64")
    data["events"].append({"do": "zero-grad", "optimizer": "A", "set_to_none": True})
    data["events"] += shipped("state-dict/independent/binary64")["events"][-2:]
    path = tmp_path / "s.json"
    surprises = {}
    for events in (data["events"], shipped()["events"]):
        small = {**shipped(), "events": events[:3]}
        for where, value, changed in spoiled(small):
            write_json(path, changed)
            try:
                run_command._read_scenario(path)
            except UserError:
                pass
            except Exception as error:
                surprises.setdefault(type(error).__name__, (where, value, str(error)))
    assert not surprises


# -- writing -------------------------------------------------------------------------


def test_a_json_file_in_no_folder(known, tmp_path):
    path = tmp_path / "no" / "out.json"
    complains(cli("run", "numpy", *QUICK, "--json", path), 2, path, "no folder")


def test_a_json_file_that_is_a_folder(known, tmp_path):
    complains(cli("run", "numpy", *QUICK, "--json", tmp_path), 2, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unwritable_path_is_found_before_anything_is_played(known, tmp_path):
    marker = tmp_path / "played"
    port = f"exec:touch {marker}"
    cli("run", port, *QUICK, "--json", tmp_path / "no" / "out.json")
    assert not marker.exists()


@pytest.fixture
def full_device(tmp_path):
    """A device that is always full, of our own where that is allowed."""
    path = tmp_path / "full"
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 7))
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        path.unlink(missing_ok=True)
        if os.geteuid() == 0 or not Path("/dev/full").is_char_device():
            pytest.skip("no full device that could not be harmed")
        return Path("/dev/full")
    return path


def test_a_full_device_as_json_file(known, full_device):
    """It is written to, never replaced by a file."""
    folder = sorted(full_device.parent.iterdir())
    result = cli("run", "numpy", *QUICK, "--format", "quiet", "--json", full_device)
    assert full_device.is_char_device()
    complains(result, 2, full_device)
    assert sorted(full_device.parent.iterdir()) == folder


def limit_file_size():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))


@pytest.mark.parametrize("before", [None, "old"])
def test_a_disk_that_fills_up_leaves_nothing_half_written(tmp_path, before):
    out = tmp_path / "out.json"
    if before:
        out.write_text(before)
    args = ("run", "numpy", *QUICK, "--format", "quiet", "--json", out)
    ran = command(*args, preexec_fn=limit_file_size)
    assert ran.returncode == 2
    assert len(ran.stderr.splitlines()) == 1, ran.stderr
    assert str(out) in ran.stderr
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == (
        {"out.json": before} if before else {}
    )


@pytest.mark.parametrize(
    "args",
    [
        ["list", "scenarios"],
        ["run", "numpy", *QUICK],
        ["run", "numpy", *QUICK, "--format", "jsonl"],
    ],
    ids=["list", "run", "jsonl"],
)
def test_a_full_standard_output_is_no_verdict(args):
    """Exit code 1 would say that the port is wrong."""
    if not Path("/dev/full").is_char_device():
        pytest.skip("no full device here")
    line = [sys.executable, "-m", "adagrad_conformance", *args]
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            line, stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE
        )
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 2
    assert "No space left" in ran.stderr


# -- report --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A real result stream."""
    path = tmp_path_factory.mktemp("results") / "out.json"
    assert cli("run", "numpy", *QUICK, "--json", path).exit_code == 0
    return path


def test_report_writes_a_file(results, tmp_path):
    out = tmp_path / "REPORT.md"
    result = cli("report", results, "-o", out)
    assert result.exit_code == 0
    assert result.output.strip() == f"wrote {out}"
    assert "`numpy`" in out.read_text()


def test_a_stream_without_footer_is_refused(results, tmp_path):
    path, out = tmp_path / "cut.json", tmp_path / "REPORT.md"
    path.write_text("".join(results.read_text().splitlines(keepends=True)[:-1]))
    complains(cli("report", path, "-o", out), 2, path, "no footer", "run it again")
    assert not out.exists()


def spoil_stream(lines, how):
    header = json.loads(lines[0])
    return {
        "nothing": [],
        "no header": lines[1:],
        "broken line": [*lines[:2], lines[2][:-5], *lines[3:]],
        "no record": [*lines[:2], "{}", *lines[3:]],
        "a number": [*lines[:2], "7", *lines[3:]],
        "another version": [json.dumps({**header, "stream_version": 9}), *lines[1:]],
        "two headers": [lines[0], *lines],
        "two footers": [*lines, lines[-1]],
        "an empty check": [*lines[:2], '{"record": "check"}', *lines[3:]],
        "an empty target": [lines[0], '{"record": "target"}', *lines[2:]],
        "an empty header": ['{"record": "header", "stream_version": 1}', *lines[1:]],
        "a check of nobody": [
            line.replace('"target": "numpy"', '"target": "x"') if i == 2 else line
            for i, line in enumerate(lines)
        ],
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "nothing",
        "no header",
        "broken line",
        "no record",
        "a number",
        "another version",
        "two headers",
        "two footers",
        "an empty check",
        "an empty target",
        "an empty header",
        "a check of nobody",
    ],
)
def test_a_damaged_stream_is_refused(results, tmp_path, how):
    path, out = tmp_path / "bad.json", tmp_path / "REPORT.md"
    lines = spoil_stream(results.read_text().splitlines(), how)
    path.write_text("".join(line + "\n" for line in lines))
    complains(cli("report", path, "-o", out), 2, path)
    assert not out.exists()


def test_a_stream_that_is_not_there(tmp_path):
    complains(cli("report", tmp_path / "no.json"), 2, tmp_path / "no.json")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"about": 1, "figures": [{}]}'])
def test_bench_figures_that_are_none(results, tmp_path, text):
    path, out = tmp_path / "bench.json", tmp_path / "REPORT.md"
    path.write_text(text)
    complains(cli("report", results, "-o", out, "--bench", path), 2, path)


def test_a_report_in_no_folder(results, tmp_path):
    out = tmp_path / "no" / "REPORT.md"
    complains(cli("report", results, "-o", out), 2, out)


def test_a_report_that_is_a_folder(results, tmp_path):
    complains(cli("report", results, "-o", tmp_path), 2, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_report_is_written_whole_or_not_at_all(results, tmp_path, monkeypatch):
    out = tmp_path / "REPORT.md"
    out.write_text("old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    complains(cli("report", results, "-o", out), 2, out, "No space left")
    assert [path.name for path in tmp_path.iterdir()] == ["REPORT.md"]
    assert out.read_text() == "old"


# -- list, explain, show -------------------------------------------------------------


def test_a_list_ends_quietly_with_its_pipe():
    line = [sys.executable, "-m", "adagrad_conformance", "list", "scenarios"]
    ends = os.pipe()
    os.close(ends[0])
    ran = subprocess.run(line, stdout=ends[1], stderr=subprocess.PIPE, timeout=PATIENCE)
    os.close(ends[1])
    assert (ran.returncode, ran.stderr) == (-signal.SIGPIPE, b"")


def test_a_port_that_reads_no_more_cannot_end_who_has_listed(known):
    """Only while a list is printed does a closed pipe end the process."""
    before = signal.getsignal(signal.SIGPIPE)
    cli("list", "clauses")
    assert signal.getsignal(signal.SIGPIPE) == before


def test_lists_are_complete(known):
    assert cli("list", "candidates").output.split() == list(ADAPTERS)
    for what, table in (("requirements", REQUIREMENTS), ("clauses", CLAUSES)):
        lines = cli("list", what).output.splitlines()
        assert len(lines) == len(table)
        for line, name in zip(lines, table, strict=True):
            assert name in line.split()
    lines = cli("list", "scenarios").output.splitlines()
    assert [line.split()[1] for line in lines] == list(SHIPPED.raw)
    assert {line.split()[0] for line in lines} == {"MUST", "SHOULD", "MAY"}
    lines = cli("list", "checks").output.splitlines()
    assert [line.split()[2] for line in lines] == [c.id for c in known_checks(SHIPPED)]
    kinds = {line.split()[1] for line in lines}
    assert kinds == {"scenario", "relation", "adaptive", "native"}


CHECKS = known_checks(KNOWN)


@pytest.fixture
def listed(known, monkeypatch):
    """Do not write down all checks again for every explanation."""
    monkeypatch.setattr(explain, "known_checks", lambda library: CHECKS)


def test_explain_knows_every_clause(listed):
    for name, clause in CLAUSES.items():
        text = cli("explain", name).output
        assert clause.says in text
        assert clause.ruling in text
        assert clause.unchecked in text
        for requirement in REQUIREMENTS.values():
            listed_there = f"\n  {requirement.id} ({requirement.level}): " in text
            assert listed_there == (name in requirement.clauses)


def test_explain_says_why_a_clause_is_not_checked(listed):
    text = cli("explain", "M-zero-grad-memory").output
    assert "not checked: advice on memory and speed" in text
    assert "requirements" not in text


def test_explain_knows_every_requirement(listed):
    for name, requirement in REQUIREMENTS.items():
        text = cli("explain", name).output
        assert requirement.demands in text
        assert requirement.why in text
        assert f"profile: {requirement.profile}" in text
        for clause in requirement.clauses:
            assert f"clause {clause}: {CLAUSES[clause].says}" in text
        decisive = [c for c in CHECKS if name in c.requirements]
        for check in decisive:
            assert f"\n  {kind(check):9} {check.id}\n" in text
        assert decisive or name == "numerics/fresh"


def test_explain_of_what_is_drawn_anew(listed):
    text = cli("explain", "numerics/fresh").output
    assert text.endswith("scenario  fresh/*, drawn anew for each run\n")


def some(kind_of_check, count):
    """Some checks of a kind, from all over the list."""
    found = [c for c in CHECKS if isinstance(c, kind_of_check)]
    return found[:: max(1, len(found) // count)]


def decides(text, check):
    assert text.startswith(f"{kind(check)} {check.id} ({check.level})") or (
        check.id in REQUIREMENTS and f"\n{kind(check)} {check.id} (" in text
    )
    for name in check.requirements:
        assert f"decides {name}: {REQUIREMENTS[name].demands}" in text


@pytest.mark.parametrize("relation", some(Relation, 12), ids=lambda r: r.id)
def test_explain_shows_both_runs_of_a_relation(listed, relation):
    text = cli("explain", relation.id).output
    decides(text, relation)
    assert relation.note in text
    left, right = text.split("\nleft: ")[1].split("\nright: ")
    for part, scenario in ((left, relation.left), (right, relation.right)):
        snippet = torch_snippet(scenario).splitlines()
        assert part.rstrip().endswith(snippet[-1])
        assert all(f"    {line}" in part for line in snippet)
    assert text.count(" = right ") == len(relation.same)
    for factor in (relation.theta_factor, relation.sum_factor):
        assert factor == 1 or f" on the right is {factor!r} times" in text


@pytest.mark.parametrize("check", some(NativeCheck, 8), ids=lambda c: c.id)
def test_explain_shows_what_a_native_check_does_and_where(listed, check):
    text = cli("explain", check.id).output
    decides(text, check)
    module, _, function = check.entry.place.partition(":")
    code = getattr(importlib.import_module(module), function)
    assert code.__doc__.splitlines()[0] in text
    path, line = text.splitlines()[-1].strip().rsplit(":", 1)
    assert f"def {function}(" in Path(path).read_text().splitlines()[int(line) - 1]


def test_explaining_a_native_check_imports_no_framework():
    (first, *_) = [c for c in CHECKS if isinstance(c, NativeCheck)]
    code = (
        "import sys; from adagrad_conformance.cli.main import main\n"
        f"main(['explain', {first.id!r}], standalone_mode=False)\n"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout.splitlines()[-1] == "False", ran.stderr


@pytest.mark.parametrize("check", some(Adaptive, 3), ids=lambda c: c.id)
def test_explain_shows_what_an_adaptive_run_is(listed, check):
    text = cli("explain", check.id).output
    decides(text, check)
    assert "written while it is played" in text
    assert type(check).__doc__.splitlines()[0] in text
    for claim in check.needed_claims:
        assert claim in text


def has_many_steps(scenario):
    return any(isinstance(event, Steps) for event in scenario.events)


GENERATED = [c for c in CHECKS[len(SCENARIOS) :] if isinstance(c, Scenario)]


@pytest.mark.parametrize(
    "scenario",
    [s for s in GENERATED if has_many_steps(s)][::3] + GENERATED[:1],
    ids=lambda s: s.id,
)
def test_explain_knows_scenarios_that_no_file_holds(listed, scenario):
    text = cli("explain", scenario.id).output
    decides(text, scenario)
    assert ("nothing is due" in text) == has_many_steps(scenario)
    assert "inputs\n" in text
    assert text.rstrip().endswith(torch_snippet(scenario).splitlines()[-1])


def test_explain_shows_the_rows_of_a_sparse_gradient(listed):
    text = cli("explain", "sparse/absent-rows/binary64").output
    assert ", the others keep every bit\n" in text
    assert "torch.sparse_coo_tensor(" in text


def test_explain_shows_the_parts_of_a_complex_param(listed):
    text = cli("explain", "complex/one-part/binary64").output
    assert ": complex binary64 [" in text
    assert "theta[0].real " in text
    assert "theta[0].imag " in text
    assert "dtype=torch.complex128" in text


@pytest.mark.parametrize("scenario", SCENARIOS[::23], ids=lambda s: s.id)
def test_explain_shows_a_scenario_down_to_the_bits(listed, scenario):
    text = cli("explain", scenario.id).output
    assert scenario.note in text
    for name in scenario.requirements:
        assert f"decides {name}: {REQUIREMENTS[name].demands}" in text
    for number, event in enumerate(scenario.events):
        assert f"  {number} {type(event).__name__}" in text
    for due in SHIPPED.raw[scenario.id]["expect"]:
        if due["outcome"] == "refused":
            assert due["reason"] in text
        for param in due.get("params", {}).values():
            if "theta" in param and param["theta"]["lawful"]["lo"]:
                lo, hi = (param["theta"]["lawful"][key][0] for key in ("lo", "hi"))
                assert "NaN alone" in text or (f"[{lo}]" in text and f"[{hi}]" in text)
    assert "torch.optim.Adagrad(" in text


def test_unknown_names(known):
    complains(cli("explain", "nothing"), 2, "'nothing'", "list scenarios")
    complains(cli("vectors", "show", "nothing"), 2, "'nothing'", "list scenarios")


def test_show_prints_the_vector(known):
    name = "maximize/ascends/binary16"
    assert json.loads(cli("vectors", "show", name).output) == SHIPPED.raw[name]


# -- cut short -----------------------------------------------------------------------

#: Answers until its first step; then it says so, and holds the run up.
HANGING_PORT = """
import json, os, signal, sys
for line in sys.stdin:
    question = json.loads(line)
    if question["op"] == "event" and question["event"]["do"] == "step":
        with open(sys.argv[1] + ".part", "w") as file:
            file.write(str(os.getpid()))
        os.rename(sys.argv[1] + ".part", sys.argv[1])
        sys.stdin.read() if sys.argv[2] == "listening" else signal.pause()
        break
    ok = {}
    if question["op"] == "start":
        ok = {"protocol": 1, "name": "hangs", "version": "1", "language": "Python",
              "claims": ["binary64", "state", "eps"]}
    elif question["op"] == "begin":
        tensors = question["tensors"]
    elif question["op"] == "read":
        zero = lambda t: {**t, "bits": ["0" * len(b) for b in t["bits"]]}
        ok = {"params": {name: {"t": 0, "theta": t, "sum": zero(t)}
                         for name, t in tensors.items()}}
    print(json.dumps({"seq": question["seq"], "ok": ok}), flush=True)
"""


def held_up(tmp_path, manner):
    """A run whose port hangs at a step: (process, the port's id, its --json file)."""
    script, pid_file, out = (tmp_path / x for x in ("port.py", "pid", "out.json"))
    script.write_text(HANGING_PORT)
    port = f"exec:{sys.executable} {script} {pid_file} {manner}"
    run = subprocess.Popen(
        [sys.executable, "-m", "adagrad_conformance", "run", port, "--json", str(out),
         "--timeout", "3600", "--only", "algorithm/eps-*/binary64"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    wait_for(lambda: pid_file.exists() or run.poll() is not None)
    assert run.poll() is None, run.communicate()
    return run, int(pid_file.read_text()), out


def wait_for(condition, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_gone(pid):
    """No such process, or one that only waits to be collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def test_a_killed_run_leaves_no_file(tmp_path):
    run, port, out = held_up(tmp_path, "listening")
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert wait_for(lambda: is_gone(port))  # its standard input has ended
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pid", "port.py"]
    assert not out.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_and_leaves_nothing(tmp_path, number):
    """Ctrl-C, or a CI that ends the job: also where a port hangs."""
    run, port, out = held_up(tmp_path, "deaf")
    try:
        run.send_signal(number)
        try:
            _, errors = run.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            pytest.fail("the run goes on")
        assert run.returncode not in (0, 1, 3, 4) or "Aborted" in errors
        assert "Traceback" not in errors
        assert wait_for(lambda: is_gone(port), 10), "its port lives on"
        assert not out.exists()
    finally:
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
            run.communicate()
        if not is_gone(port):
            os.kill(port, signal.SIGKILL)
