"""The ports in JavaScript: that the adapters drive them, their faults, their syntax.

Each small port is judged as it is, and with one line of its source changed: so what is
seen comes from that source.  Their packages are installed here, where they are not yet;
TensorFlow.js is tested where it is built.
"""

from __future__ import annotations

import functools
import importlib.util
import math
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from program_kit import NODE
from port_kit import environment_of

from adagrad_conformance.grading.case import Terms
from adagrad_conformance.execution.status import Status
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.reproducers.assertion import Assertion, Look
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.adapters.environment_table import ENVIRONMENTS
from adagrad_conformance.adapters.environments import BuildError
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.reproducers.port_syntax import syntax_of
from adagrad_conformance.reproducers.port_syntax.base import NotExpressible
from adagrad_conformance.reproducers.port_script import port_reproducer
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.reproducers.languages import JAVASCRIPT
from adagrad_conformance.reproducers.scripts import Script
from adagrad_conformance.reproducers.writing import Reproducer, write_reproducers
from adagrad_conformance.execution.runner import play
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.transport.targets import parse_target
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.dialects import DIALECTS, DOCUMENT
from adagrad_reference.formats import FORMATS
from adagrad_reference.boxes import Box
from adagrad_reference.scenario import (
    Group,
    New,
    Scenario,
    SetOption,
    SetState,
    Step,
    Steps,
    Tensor,
)

SMALL = ("deeplearn", "convnetjs", "toygrad", "adnn")
ALL = (*SMALL, "tfjs")
NEVER = 120.0  # a patience that only a failure uses up
FORMAT = {"convnetjs": "binary64", "adnn": "binary64"}  #: of the others binary32


pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The folder with the small packages."""
    environment = ENVIRONMENTS["node-small"]
    if environment.is_built:
        yield environment.folder
        return
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("ports")
        patch.setenv("ADAGRAD_CONFORMANCE_PORTS", str(home))
        try:
            environment.build()
        except BuildError as error:
            pytest.skip(f"node-small cannot be built: {error}")
        yield environment.folder


def folder_of(name, small):
    if name in SMALL:
        return small
    return environment_of(name).folder


def started(name, folder):
    """The port, from that folder's packages, and its identity."""
    port = SubprocessClient((NODE, adapter_of(name), str(folder)), NEVER)
    return port, port.start()


def adapter_of(name):
    """The file of an adapter."""
    root = Path(importlib.util.find_spec("adagrad_conformance").origin).parent
    return PORTS[name].program[1].format(adapters=root / "adapters")


def tensor(name, *values, shape=None):
    fmt = FORMATS[FORMAT.get(name, "binary32")]
    numbers = [fmt.nearest(x) for x in values]
    return Tensor(fmt.name, shape or (len(values),), tuple(map(fmt.encode, numbers)))


def scenario(name, *events, **params):
    held = {"p": tensor(name, 1.25, -0.875), "q": tensor(name, 2.0, 0.5, -1.0)}
    return Scenario("x/y", ("x/y",), "MUST", params or held, events)


def made(name, *params, **options):
    """A new optimizer; lr and eps are given as the suite gives them."""
    constants = {"tfjs": 1e-7, "deeplearn": 1e-8, "adnn": 1e-8}
    given = {"lr": 0.3, "eps": constants.get(name, 0.25), **options}
    return New("A", (Group(params or ("p", "q")),), given)


def step(name, *p, **more):
    """One step of p, and of others."""
    given = {"p": p, **more}
    return Step("A", {k: tensor(name, *v) if v else None for k, v in given.items()})


def seen_on(name, folder, played):
    """What was seen, and the identity."""
    port, identity = started(name, folder)
    try:
        return play(port, played), identity
    finally:
        port.close()


def verdict_of(name, folder, played, dialect=None):
    """By its own dialect, or another."""
    seen, identity = seen_on(name, folder, played)
    own = DIALECTS[identity.dialect] if dialect is None else dialect
    (verdict,) = judge([seen], Terms(identity.claims, checks()[1], own))
    return verdict


@functools.cache
def checks():
    library = Library.read()
    return {check.id: check for check in known_checks(library)}, library.expectations


def both(name):
    """Three steps of two params of other shapes."""
    q = (0.125, -3.0, 1.5)
    small = tuple(x / 1024 for x in q)
    return scenario(
        name,
        made(name),
        step(name, 0.5, -2.0, q=q),
        step(name, 1e-4, 0.0, q=small),
        step(name, -1.5, 0.25, q=q),
    )


# -- what they are ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_the_version_is_the_one_that_is_pinned(name, small):
    port, identity = started(name, folder_of(name, small))
    port.close()
    package = {"tfjs": "@tensorflow/tfjs"}.get(name, name)
    assert f"{package}@{identity.version}" in ENVIRONMENTS[PORTS[name].environment].npm
    assert identity.name == name
    assert identity.language.startswith("JavaScript (")


@pytest.mark.parametrize("name", ALL)
def test_steps_are_those_of_its_dialect_and_of_no_other(name, small):
    folder = folder_of(name, small)
    assert verdict_of(name, folder, both(name)).status == "pass"
    other = DIALECTS["eps-inside"] if name == "adnn" else DOCUMENT
    assert verdict_of(name, folder, both(name), other).status == "fail"


@pytest.mark.parametrize("name", ALL)
def test_the_words_of_the_command(name):
    if not ENVIRONMENTS[PORTS[name].environment].is_built:
        with pytest.raises(ValueError, match="ports build node"):
            parse_target(name)
        return
    program, adapter, folder = parse_target(name).command
    assert program == "node"
    assert Path(adapter).is_file()
    assert Path(folder, "node_modules").is_dir()


def test_without_a_folder_there_is_one_line():
    for name in ALL:
        done = subprocess.run(
            [NODE, adapter_of(name)], capture_output=True, text=True, timeout=NEVER
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.count("\n") == 1, done.stderr
        assert "node_modules" in done.stderr


# -- one line of their source changed --------------------------------------------------

#: Port -> (file, what stands there, what is put there).
CHANGES = {
    "convnetjs": (
        "convnetjs/build/convnet.js",
        "- this.learning_rate / Math.sqrt(gsumi[j] + this.eps) * gij",
        "- this.learning_rate / (Math.sqrt(gsumi[j]) + this.eps) * gij",
    ),
    "toygrad": (
        "toygrad/dist/trainers/abstract.js",
        "gsumi[j] = gsumi[j] + gij * gij;",
        "gsumi[j] = gsumi[j] + gij * gij + 1e-6;",
    ),
    "deeplearn": (
        "deeplearn/dist/optimizers/adagrad_optimizer.js",
        "newAccumulatedGrad.add(_this.epsilon).sqrt()",
        "newAccumulatedGrad.sqrt().add(_this.epsilon)",
    ),
    "adnn": (
        "adnn/opt/methods.js",
        "g2.addeq(g.mul(g));\n\t\t\t\t// p = p - stepSize * (g / (sqrt",
        "g2.addeq(g);\n\t\t\t\t// p = p - stepSize * (g / (sqrt",
    ),
}


def changed(small, folder, file, old, new):
    """A copy of the packages in which one line is another."""
    shutil.copytree(small / "node_modules", folder / "node_modules")
    path = folder / "node_modules" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return folder


@pytest.mark.parametrize("name", SMALL)
def test_another_line_in_the_package_is_found(name, small, tmp_path):
    folder = changed(small, tmp_path, *CHANGES[name])
    options = {"initial_accumulator_value": 0.0} if name == "deeplearn" else {}
    tiny = scenario(
        name,
        made(name, **options),
        step(name, 1e-4, 3e-4, q=(1e-4, 1e-3, 2e-4)),
        step(name, 0.5, -2.0, q=(1.0, 0.5, -0.25)),
    )
    assert verdict_of(name, small, tiny).status == "pass"
    assert verdict_of(name, folder, tiny).status == "fail"


# -- options and state -----------------------------------------------------------------


@pytest.mark.parametrize("name", ["convnetjs", "toygrad"])
def test_weight_decay_and_changed_options(name, small):
    played = scenario(
        name,
        made(name, weight_decay=0.125),
        step(name, 0.5, -2.0, q=(1.0, 2.0, 3.0)),
        SetOption("A", 0, "lr", 0.0625),
        SetOption("A", 0, "weight_decay", 0.5),
        SetOption("A", 0, "eps", 0.75),
        step(name, 0.5, -2.0, q=(1.0, 2.0, 3.0)),
    )
    assert verdict_of(name, small, played).status == "pass"
    frozen = DIALECTS["eps-inside"].also("options", "frozen")
    assert verdict_of(name, small, played, frozen).status == "fail"


@pytest.mark.parametrize("name", ["deeplearn", "tfjs"])
def test_the_first_accumulator(name, small):
    folder = folder_of(name, small)
    for value in (0.0, 0.5):
        played = scenario(
            name,
            made(name, initial_accumulator_value=value),
            step(name, 0.5, -2.0, q=(1.0, 2.0, 3.0)),
        )
        assert verdict_of(name, folder, played).status == "pass"
    zero = DIALECTS["tfjs"].also("initial", "zero")
    assert verdict_of(name, folder, played, zero).status == "fail"


@pytest.mark.parametrize("name", ["deeplearn", "tfjs", "convnetjs", "toygrad"])
def test_state_is_written_before_and_after_the_first_step(name, small):
    ordinary = step(name, 0.5, -2.0, q=(1.0, 2.0, 3.0))
    written = [
        SetState("A", "q", tensor(name, 4.0, 0.25, 9.0), 2),
        SetState("A", "p", tensor(name, 2.0, 3.0), 2),
    ]
    played = scenario(name, made(name), *written, ordinary, *written, ordinary)
    verdict = verdict_of(name, folder_of(name, small), played)
    assert verdict.status == "pass", verdict


@pytest.mark.parametrize("name", ["deeplearn", "tfjs"])
def test_many_steps_may_begin_without_a_state(name, small):
    """Where S begins elsewhere than it should, that is found in them too."""
    cycle = ({"p": tensor(name, 0.5, -2.0)}, {"p": tensor(name, 0.25, 1.0)})
    played = scenario(
        name, made(name, "p"), Steps("A", cycle, 6), p=tensor(name, 1.0, 2.0)
    )
    folder, dialect = folder_of(name, small), DIALECTS["tfjs"]
    assert verdict_of(name, folder, played).status == "pass"
    other = replace(dialect.defaults, initial_accumulator_value=0.2)
    verdict = verdict_of(name, folder, played, replace(dialect, defaults=other))
    assert verdict.status == "fail"
    assert verdict.failure.message.startswith("S is a value")


# -- faults ----------------------------------------------------------------------------


def statuses(name, folder, *ids):
    port = SubprocessClient((NODE, adapter_of(name), str(folder)), NEVER)
    by_id, expectations = checks()
    chosen = [by_id[id] for id in ids]
    result = evaluate_client(name, port, chosen, expectations, explain=False)
    assert result.problem is None, result.problem
    return [verdict.status for verdict in result.verdicts]


#: ConvNetJS and toygrad: where both decays are off, they are added all the same.
MENDED = {
    "convnetjs": (
        "convnetjs/build/convnet.js",
        "var gij = (l2grad + l1grad + g[j])",
        "if(!l2_decay) l2grad = 0; if(!l1_decay) l1grad = 0;\n"
        "            var gij = (l2grad + l1grad + g[j])",
    ),
    "toygrad": (
        "toygrad/dist/trainers/abstract.js",
        "let gij = (l2grad + l1grad + g[j])",
        "if (!l2_decay) l2grad = 0; if (!l1_decay) l1grad = 0;\n"
        "                    let gij = (l2grad + l1grad + g[j])",
    ),
}


@pytest.mark.parametrize("name", MENDED)
def test_weight_decay_that_stays_on(name, small, tmp_path):
    fmt = FORMAT.get(name, "binary32")
    ids = [
        f"{id}/{fmt}"
        for id in (
            "weight-decay/off-with-infinite-theta",
            "special-values/after-inf",
            "corners/nan-theta",
        )
    ]
    assert statuses(name, small, *ids) == ["fail"] * 3
    mended = changed(small, tmp_path, *MENDED[name])
    assert statuses(name, mended, *ids) == ["pass"] * 3


def test_deeplearn_has_no_empty_tensors(small):
    assert statuses("deeplearn", small, "layout/size-0/binary32") == ["crash"]
    assert statuses("deeplearn", small, "layout/scalar/binary32") == ["pass"]


def in_turn(name):
    """Params of one shape, of which each step has another one."""
    return scenario(
        name,
        made(name),
        step(name, 0.5, -2.0),
        step(name, q=(3.0, 0.25)),
        p=tensor(name, 1.0, 2.0),
        q=tensor(name, 3.0, -4.0),
    )


def test_tfjs_keeps_accumulators_by_position(small):
    """b steps with the accumulator of a; deeplearn.js, which has names, does not."""
    folder = folder_of("tfjs", small)
    verdict = verdict_of("tfjs", folder, in_turn("tfjs"))
    assert verdict.status == "fail"
    ids = ["none-vs-zero/none-first/plain/binary32", "algorithm/accumulates/binary32"]
    assert statuses("tfjs", folder, *ids) == ["crash", "pass"]


def test_deeplearn_keeps_accumulators_by_name(small):
    assert verdict_of("deeplearn", small, in_turn("deeplearn")).status == "pass"


# -- syntax ----------------------------------------------------------------------------


def run_script(name, small, text):
    """Its last words; "" where it passed."""
    folder = folder_of(name, small)
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", text],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=NEVER,
    )
    assert (done.returncode != 0) == ("Error" in done.stderr), done.stderr
    return done.stderr if done.returncode else ""


def told(name):
    """A scenario with all that the port has syntax for."""
    if name == "adnn":
        return both(name)
    first = tensor(name, 2.0, 0.375)
    events = [made(name, "p"), SetState("A", "p", first, 3), step(name, 0.75, -1.125)]
    if name in ("convnetjs", "toygrad"):
        events += [
            SetOption("A", 0, "lr", 0.5),
            SetOption("A", 0, "weight_decay", 0.25),
            step(name, 0.75, -1.125),
        ]
    else:
        events.append(step(name))  # None
    return scenario(name, *events, p=tensor(name, 1.25, -0.875))


@pytest.mark.parametrize("what", ["theta", "S"])
@pytest.mark.parametrize("name", ALL)
def test_the_script_sees_what_the_adapter_shows(name, what, small):
    if (name, what) == ("adnn", "S"):
        with pytest.raises(NotExpressible):
            port_reproducer(
                told(name), syntax_of(name), Assertion(Look.SUM, "A", "p"), {}
            )
        return
    seen, identity = seen_on(name, folder_of(name, small), told(name))
    assert seen.status is None, seen.message
    shown = seen.events[-1].readings["A", "p"]
    value = (shown.theta if what == "theta" else shown.state_sum).values()[1]
    for box, words in (
        (Box(value, value), ""),
        (Box(value - 1e-3, value + 1e-3), ""),
        (Box(value + 1e-3, value + 1.0), f"= {value}"),
        (Box(value + 1e-3, value + 1e-3, nan=True), "AssertionError"),
    ):
        due = Assertion(Look(what), "A", "p", 1, box)
        text = port_reproducer(told(name), syntax_of(name), due, identity.constants)
        assert "adagrad_conformance" not in text
        assert text.startswith("// npm install ")
        last = run_script(name, small, text)
        assert (words in last) if words else not last, text + last


@pytest.mark.parametrize(
    ("due", "holds"),
    [
        (Assertion(Look.THETA, "A", "p", 0, exact="-0.0"), "Object.is(seen, -0.0)"),
        (Assertion(Look.THETA, "A", "p", 0, exact="nan"), "Object.is(seen, NaN)"),
        (
            Assertion(Look.THETA, "A", "p", 0, Box(float("inf"), 0.0)),
            "Number.isNaN(seen)",
        ),
        (Assertion(Look.THETA, "A", "p", 0, still=2.0), "seen !== 2.0"),
        (Assertion(Look.COUNTER, "A", "p", exact="3"), "seen === 3"),
        (Assertion(Look.COUNTER, "A", "p", exact="None"), "seen === null"),
        (
            Assertion(Look.THETA, "A", "p", 0, Box(-float("inf"), 1.0, nan=True)),
            "Number.isNaN(seen) || (-Infinity <= seen && seen <= 1.0)",
        ),
    ],
)
def test_conditions(due, holds):
    assert syntax_of("tfjs").holds(due) == holds


@pytest.mark.parametrize("refuses", [True, False])
def test_a_refusal(refuses):
    line = "throw RangeError();" if refuses else "Math.sqrt(4);"
    lines = syntax_of("convnetjs").refused(["const x = 1;", line], "lr < 0")
    text = "\n".join(['import assert from "node:assert/strict";', *lines])
    done = subprocess.run(
        [NODE, "--input-type=module", "--eval", text], capture_output=True, text=True
    )
    assert done.returncode == (0 if refuses else 1)
    assert ("accepted, though lr < 0" in done.stderr) is not refuses


def test_arrays():
    syntax = syntax_of("toygrad")
    odd = tensor("toygrad", float("nan"), float("-inf"), 0.1, -0.0)
    assert syntax.array(odd) == "Float32Array.of(NaN, -Infinity, 0.1, -0.0)"
    many = tensor("toygrad", *[0.5] * 9)
    assert syntax.array(many) == "new Float32Array(9).fill(0.5)"
    square = tensor("tfjs", 1.0, 2.0, shape=(1, 2))
    wanted = "tf.tensor(Float32Array.of(1.0, 2.0), [1, 2])"
    assert syntax_of("tfjs").array(square) == wanted
    with pytest.raises(NotExpressible):
        syntax.array(Tensor("binary16", (1,), (0,)))


def test_state_of_several_params_has_no_syntax():
    for name in ("tfjs", "convnetjs"):
        written = SetState("A", "p", tensor(name, 1.0, 2.0), 1)
        with pytest.raises(NotExpressible):
            port_reproducer(
                scenario(name, made(name), written), syntax_of(name), None, {}
            )


def test_the_index_says_node(tmp_path):
    verdict = Verdict("t", "r/s", "MUST", Status.FAIL, message="wrong")
    found = Reproducer(
        *("r/s", "c", verdict, scenario("tfjs", made("tfjs"))),
        Script("// x\n", JAVASCRIPT),
    )
    for _ in range(2):  # the second time in the place of the first
        place = write_reproducers(tmp_path, "tfjs", [found])
    assert "\nnode r-s.mjs\n" in (place / "README.md").read_text()
