"""ensmallen, compiled from its headers: as they are, and with one line changed.

But for a gradient of another type, which begins S anew, it keeps its word in all that
it claims; what a changed line breaks must be found, so what is judged comes from those
headers.  Its scripts are compiled too.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from port_kit import environment_of, failed, run

from adagrad_conformance.adapters import environments
from adagrad_conformance.reproducers.assertion import Assertion, Look
from adagrad_conformance.reproducers.port_syntax import syntax_of
from adagrad_conformance.reproducers.port_syntax.base import NotExpressible
from adagrad_conformance.reproducers.port_script import port_reproducer
from adagrad_conformance.reproducers.verification import script_troubles
from adagrad_reference.boxes import Box
from adagrad_reference.scenario import (
    Group,
    New,
    Scenario,
    SetOption,
    Sparse,
    Step,
    Tensor,
)

UPDATE = "ensmallen_bits/ada_grad/ada_grad_update.hpp"
ROOT = """arma::sqrt(squaredGradient) +
          parent.epsilon"""

#: What is changed -> (line, line in its place, checks to play, requirement that fails)
CHANGES = {
    "eps inside the root": (
        *(ROOT, "arma::sqrt(squaredGradient + parent.epsilon)"),
        *("algorithm/eps-outside-root/*", "algorithm/update"),
    ),
    "the last square alone": (
        *("squaredGradient += (", "squaredGradient = ("),
        *("algorithm/*", "algorithm/accumulator"),
    ),
    "a rate that nobody chooses": (
        *("(stepSize * gradient)", "(0.01 * gradient)"),
        *("plain/lr-changed/*", "groups/option-change"),
    ),
}

WRONG_THETA = "theta is a value that no legal evaluation gives"


@pytest.fixture
def environment():
    return environment_of("ensmallen", build=True)


@pytest.mark.parametrize("only", ["[ag]*", "s*/*"])
def test_it_keeps_its_word_elsewhere(environment, only, tmp_path):
    played = run("ensmallen", tmp_path, "--only", only)
    other = [r for r in played if not r["scenario"].startswith("plain/rows-between/")]
    assert failed(other) == {}


def test_a_sparse_gradient_between_dense_ones_begins_anew(environment, tmp_path):
    """What is kept from one Optimize to the next is kept for one type of gradient."""
    scripts = tmp_path / "scripts"
    only = ("--only", "plain/rows-between/*", "--reproducers", scripts)
    found = failed(run("ensmallen", tmp_path, *only))
    assert set(found) == {"sparse/update"}
    assert found["sparse/update"].startswith(WRONG_THETA)
    place = scripts / "ensmallen"
    assert [path.name for path in place.glob("*.cpp")] == ["sparse-update.cpp"]
    assert script_troubles("ensmallen", place) == {}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_line_is_found(environment, name, tmp_path):
    line, other, only, requirement = CHANGES[name]
    include = tmp_path / "include"
    shutil.copytree(environment.folder / "usr" / "include", include)
    header = include / UPDATE
    text = header.read_text()
    assert text.count(line) == 1
    header.write_text(text.replace(line, other))
    source = Path(environments.__file__).parents[1] / environment.program
    compiler, *words = environment.compiling(source, tmp_path / "port")
    subprocess.run([compiler, f"-I{include}", *words], check=True)
    found = failed(run(f"exec:{tmp_path / 'port'}", tmp_path, "--only", only))
    assert requirement in found


# -- scripts ---------------------------------------------------------------------------


def tensor(name, shape, *values):
    fmt = Tensor(name, (), (0,)).fmt
    return Tensor(name, shape, tuple(fmt.encode(value) for value in values))


SQUARE = tensor("binary64", (2, 2), 1.0, 2.0, 3.0, 4.0)
COLUMN = tensor("binary32", (3,), 1.0, 2.0, -0.0)
FLAT = tensor("binary32", (1, 9), *[1.5] * 9)
ONE = tensor("binary32", (1,), 1.5)
#: lr * g / (abs(g) + eps) are 0.4375 where g is 3.5, and 0.75 where it is 1.5.
ROWS = Sparse((2, 2), (1,), tensor("binary64", (1, 2), 3.5, -3.5))
TWO = New("A", (Group(("p", "q")),), {"lr": 0.5, "eps": 0.5})
MADE = New("A", (Group(("p",)),), {"lr": 1.0, "eps": 0.5})

#: (params, events, what is due at their end, something else)
CASES = {
    "rows of a matrix, a param that has none": (
        {"p": SQUARE, "q": COLUMN},
        (TWO, Step("A", {"p": ROWS, "q": None})),
        Assertion(Look.THETA, "A", "p", 2, Box(2.5625, 2.5625)),
        Assertion(Look.THETA, "A", "p", 2, Box(2.0, 2.0)),
    ),
    "another option, a zero by its sign": (
        {"p": SQUARE, "q": COLUMN},
        (
            *(TWO, SetOption("A", 0, "lr", 1.0)),
            Step("A", {"p": None, "q": tensor("binary32", (3,), 1.5, -1.5, 0.0)}),
        ),
        Assertion(Look.THETA, "A", "q", 1, Box(2.75, 2.75)),
        Assertion(Look.THETA, "A", "q", 2, exact="0.0"),
    ),
    "another optimizer, the same number in each place": (
        {"p": FLAT},
        (MADE, Step("A", {"p": FLAT}), MADE, Step("A", {"p": FLAT})),
        Assertion(Look.THETA, "A", "p", 8, Box(0.0, 0.0)),
        Assertion(Look.THETA, "A", "p", 8, exact="nan"),
    ),
    "one row, and no row": (
        {"p": ONE},
        (
            *(
                MADE,
                Step(
                    "A", {"p": Sparse((1,), (0, 0), tensor("binary32", (2,), 0.5, 1.0))}
                ),
            ),
            Step("A", {"p": Sparse((1,), (), tensor("binary32", (0,)))}),
        ),
        Assertion(Look.THETA, "A", "p", 0, Box(0.75, 0.75)),
        Assertion(Look.THETA, "A", "p", 0, still=0.75),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_script_passes_or_fails_by_what_is_due(environment, name, tmp_path):
    tensors, events, right, wrong = CASES[name]
    (tmp_path / "README.md").write_text("")
    for file, due in (("right", right), ("wrong", wrong)):
        played = Scenario("x/y", (), "MUST", tensors, events)
        text = port_reproducer(played, syntax_of("ensmallen"), due, {})
        (tmp_path / f"{file}.cpp").write_text(text)
    assert script_troubles("ensmallen", tmp_path) == {"right.cpp": "passes"}


@pytest.mark.parametrize(
    ("param", "options"),
    [
        (tensor("binary16", (1,), 1.0), {"lr": 1.0}),
        (ONE, {"lr": 1.0, "weight_decay": 0.5}),
    ],
)
def test_what_it_has_no_words_for_is_left_to_the_command(param, options):
    played = Scenario(
        "x/y", (), "MUST", {"p": param}, (New("A", (Group(("p",)),), options),)
    )
    with pytest.raises(NotExpressible):
        port_reproducer(played, syntax_of("ensmallen"), None, {})
