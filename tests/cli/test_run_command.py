"""`run`: exit codes, targets that cannot be judged, options, what is printed."""

from __future__ import annotations

import os
import textwrap

import pytest
from cli_kit import (
    HOST,
    QUICK,
    SHIPPED,
    cli,
    command,
    complains,
    header_of,
    played,
    target_problem,
)

from adagrad_conformance.evaluation.defaults import CI_SEED
from adagrad_conformance.reports.stream import read_stream

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


def test_a_shape_that_is_changed_on_the_way_is_the_adapters_fault(known, ports):
    result = cli("run", ports + "WrongShape", *QUICK)
    assert result.exit_code == 3
    assert "the adapter is at fault: theta of p is shown in shape" in result.stdout


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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--only", "no/such/*"], ("'no/such/*'; 'list checks'", "list requirements")),
        (["--only", "layuot/*"], ("'layuot/*'", "did you mean layout/*?")),
        (
            ["--only", "lr-decay/scedule"],
            ("did you mean lr-decay/schedule?",),
        ),
        (["--exclude", "*"], ("--exclude and --without leave no check",)),
    ],
)
def test_nothing_selected(known, options, words):
    complains(cli("run", "numpy", *options), 4, *words)


def test_an_unknown_target_or_claim_is_told_what_was_meant(known):
    complains(cli("run", "torch/singel"), 2, "did you mean torch/single?")
    complains(cli("run", "mine.py"), 2, "write mine.py:Class")
    complains(
        cli("run", "numpy", "--without", "sparce"), 2, "'sparce'; did you mean sparse?"
    )


def test_what_is_excluded_is_not_played(known, tmp_path):
    def ids(*options):
        out = tmp_path / "out.json"
        given = ["--only", "[cl]*/*", "--quick", "--fresh", "0", "--seed", "1"]
        assert cli("run", "numpy", *given, *options, "--json", out).exit_code in (0, 4)
        return {check["scenario"]: check for check in read_stream(out).checks}

    everything = ids()
    themes = {name.partition("/")[0] for name in everything}
    assert {"complex", "layout", "lr-decay"} <= themes
    left = ids(
        "--exclude", "layout/*", "--exclude", "*binary16", "--without", "complex"
    )
    assert left
    assert not [n for n in left if n.startswith(("layout/", "complex/"))]
    assert not [n for n in left if n.endswith("binary16")]
    gone = everything.keys() - left.keys()
    assert [n for n in gone if n.startswith("complex/")]


# -- options -------------------------------------------------------------------------


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
    assert "findings at SHOULD" in plain.stdout
    assert cli(*args, "--strict").exit_code == 1
    assert cli(*args, "--strict", "--level", "must").exit_code == 0


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


# -- how much is told ------------------------------------------------------------------

WRONG = """
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
class Wrong(NumpyAdapter):
    def step(self, *args, **kwargs):
        raise ValueError(":fire: [bold]no[/]")
"""


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text(WRONG)
    return f"{path}:Wrong"


def test_the_answer_comes_first_whatever_the_form(wrong):
    args = ["run", wrong, "--only", "algorithm/[ae]*", "--fresh", "0", "--seed", "1"]
    few, brief, full = (cli(*args, *more).stdout for more in ([], ["-q"], ["-v"]))
    answer = f"NOT CONFORMANT: {wrong}, 0 of "
    assert all(text.startswith(answer) for text in (few, brief, full))
    assert len(brief.splitlines()) == 1
    assert len(few.splitlines()) <= 25
    assert "of passed checks, in ulp at scale" in full
    assert cli(*args, "--format", "brief").stdout == brief
    for text in (few, full):
        assert ":fire: [bold]no[/]" in text


def test_a_failure_is_told_while_the_rest_is_played(wrong):
    args = ["run", wrong, "--only", "algorithm/*", "--fresh", "0", "--seed", "1"]
    done = cli(*args)
    assert f"{wrong}: first failure: algorithm/" in done.stderr
    assert "first failure" not in cli(*args, "-q").stderr


def test_fail_fast_ends_at_the_first_failure(wrong, tmp_path):
    out = tmp_path / "out.jsonl"
    args = ["--only", "algorithm/*", "--fresh", "0", "--seed", "1", "--json", out]
    assert cli("run", wrong, *args, "--fail-fast").exit_code == 1
    statuses = [r["status"] for r in read_stream(out).checks]
    assert statuses.count("not-reached") > 50
    judged = [s for s in statuses if s not in ("not-reached", "not-claimed")]
    assert judged[-1] in ("fail", "crash")
    assert not {"fail", "crash"} & set(judged[:-1])
    assert cli("run", "numpy", *args, "--fail-fast").exit_code == 0
    assert not any(r["status"] == "not-reached" for r in read_stream(out).checks)


NAMED = """
import torch
class Named(torch.optim.Adagrad):
    def __init__(self, params, learning_rate=0.01, epsilon=1e-10):
        super().__init__(params, lr=learning_rate, eps=epsilon)
class Nameless(torch.optim.Adagrad):
    def __init__(self, params):
        super().__init__(params)
class Right(torch.optim.Adagrad):
    def __init__(self, params, lr=0.01, eps=1e-10):
        super().__init__(params, lr=lr, eps=eps)
"""


def test_a_constructor_with_other_names_is_told_which_to_map(tmp_path):
    path = tmp_path / "named.py"
    path.write_text(NAMED)
    done = cli("run", f"{path}:Named", "--only", "algorithm/update")
    assert done.exit_code == 3
    assert "Named takes learning_rate, epsilon: map its names" in done.stdout
    assert "names={'lr': 'learning_rate', 'eps': 'epsilon'}" in done.stdout
    done = cli("run", f"{path}:Nameless", "--only", "algorithm/update")
    assert done.exit_code == 3
    assert "Nameless takes nothing: map its names" in done.stdout
    args = ("--only", "algorithm/[ae]*", "--fresh", "0")
    assert cli("run", f"{path}:Right", *args).exit_code == 0
