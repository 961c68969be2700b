"""Scripts in C++ are compiled against libtorch, which is right in all of this."""

from __future__ import annotations

import pytest
from port_kit import environment_of

from adagrad_conformance.reproducers.assertion import Assertion, Look
from adagrad_conformance.reproducers.port_syntax import syntax_of
from adagrad_conformance.reproducers.port_script import port_reproducer
from adagrad_conformance.reproducers.verification import script_troubles
from adagrad_reference.boxes import Box
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
    Tensor,
)


def tensor(*values, shape=None):
    fmt = Tensor("binary32", (), (0,)).fmt
    bits = tuple(fmt.encode(value) for value in values)
    return Tensor("binary32", shape or (len(values),), bits)


P, G = tensor(1.0, -2.0), tensor(3.0, 4.0)
ROWS = Sparse((2,), (1,), tensor(4.0))
MADE = New("A", (Group(("p",)),), {"lr": 0.5, "eps": 0.0})
GROUPS = New("A", (Group(("p",), {"lr": 1.0}), Group(("q",))), {"lr": 0.5, "eps": 0.0})
STEP = Step("A", {"p": G})

#: (events, what is due at their end in libtorch, something else)
CASES = {
    "state, option, load": (
        (
            *(MADE, SetState("A", "p", tensor(7.0, 0.0), 3), STEP),
            *(SetOption("A", 0, "lr", 0.25), STEP),
            *(Save("A", "s"), STEP, Load("A", "s", "bytes")),
        ),
        Assertion(Look.SUM, "A", "p", 0, Box(25.0, 25.0)),
        Assertion(Look.SUM, "A", "p", 0, Box(34.0, 34.0)),
    ),
    "groups, counter": (
        (GROUPS, Step("A", {"p": ROWS, "q": None}), Step("A", {"q": G})),
        Assertion(Look.COUNTER, "A", "p", exact="2"),
        Assertion(Look.COUNTER, "A", "p", exact="1"),
    ),
    "refusals on the way, theta": (
        (
            New("A", (Group(("p",)),), {"lr": -1.0}),
            *(MADE, AddGroup("A", Group(("p",))), STEP),
        ),
        Assertion(Look.THETA, "A", "p", 0, Box(0.5, 0.5)),
        Assertion(Look.THETA, "A", "p", 0, exact="nan"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_script_passes_or_fails_by_what_is_due(name, tmp_path):
    environment_of("libtorch")
    events, right, wrong = CASES[name]
    tensors = {"p": P, "q": P} if GROUPS in events else {"p": P}
    (tmp_path / "README.md").write_text("")
    for file, due in (("right", right), ("wrong", wrong)):
        played = Scenario("x/y", (), "MUST", tensors, events)
        text = port_reproducer(played, syntax_of("libtorch"), due, {})
        (tmp_path / f"{file}.cpp").write_text(text)
    assert script_troubles("libtorch", tmp_path) == {"right.cpp": "passes"}
