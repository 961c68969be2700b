"""For the tests of dialects: books, and events after which each rule shows."""

from __future__ import annotations

from adagrad_reference.dialect_bookkeeping import bookkeeper
from adagrad_reference.dialects import DOCUMENT
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import (
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetOption,
    Step,
    Tensor,
    ZeroGrad,
)


def vector(*values):
    fmt = FORMATS["binary64"]
    return Tensor("binary64", (len(values),), tuple(map(fmt.encode, values)))


P = {"p": vector(1.0, 2.0), "q": vector(3.0)}
GP, GQ, ZERO = vector(0.5, -0.25), vector(0.75), vector(0.0)
TWO = New("A", (Group(("p",), {"lr": 0.5}), Group(("q",), {"lr": 0.25})), {"lr": 2.0})


def effects(dialect, *events):
    books = bookkeeper(Scenario("s", (), "MUST", P, events), dialect)
    return books, [books.apply(event) for event in events]


def updates(dialect, *events):
    """(param, t, lr) of the last event."""
    _, found = effects(dialect, *events)
    return [(u.param, u.t, u.options.lr) for u in found[-1].updates]


BOTH, ONLY_P = Step("A", {"p": GP, "q": GQ}), Step("A", {"p": GP, "q": None})
#: Loaded options differ from those of the constructor that loads.
OTHER_OPTIONS_LOADED = (
    New("A", (Group(("p",)), Group(("q",))), {"lr": 4.0}),
    Save("A", "s"),
    TWO,
    Load("A", "s", "deepcopy"),
    BOTH,
)
CASES = {
    "document": (DOCUMENT, (TWO, ONLY_P, BOTH), [("p", 2, 0.5), ("q", 1, 0.25)]),
    "counter=optimizer": (
        DOCUMENT.also("counter", "optimizer"),
        (TWO, ONLY_P, BOTH),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "counter=calls": (
        DOCUMENT.also("counter", "calls"),
        (TWO, ONLY_P, BOTH),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "counter=object": (
        DOCUMENT.also("counter", "object"),
        (TWO, ONLY_P, BOTH),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "counter=stuck": (
        DOCUMENT.also("counter", "stuck"),
        (TWO, BOTH, BOTH),
        [("p", 0, 0.5), ("q", 0, 0.25)],
    ),
    "counter=secret": (
        DOCUMENT.also("counter", "secret"),
        (TWO, ONLY_P, BOTH),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "none=zero": (
        DOCUMENT.also("none", "zero"),
        (TWO, ONLY_P),
        [("p", 1, 0.5), ("q", 1, 0.25)],
    ),
    "zero=skips": (
        DOCUMENT.also("zero", "skips"),
        (TWO, Step("A", {"p": GP, "q": ZERO})),
        [("p", 1, 0.5)],
    ),
    "zero=uncounted": (
        DOCUMENT.also("zero", "uncounted"),
        (TWO, Step("A", {"p": GP, "q": ZERO}), BOTH),
        [("p", 2, 0.5), ("q", 1, 0.25)],
    ),
    "options=constructor": (
        DOCUMENT.also("options", "constructor"),
        (TWO, BOTH),
        [("p", 1, 2.0), ("q", 1, 2.0)],
    ),
    "options=first": (
        DOCUMENT.also("options", "first"),
        (TWO, BOTH),
        [("p", 1, 0.5), ("q", 1, 0.5)],
    ),
    "options=frozen": (
        DOCUMENT.also("options", "frozen"),
        (TWO, BOTH, SetOption("A", 1, "lr", 8.0), BOTH),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "load=no-counter": (
        DOCUMENT.also("load", "no-counter"),
        (TWO, BOTH, Save("A", "s"), TWO, Load("A", "s", "deepcopy"), BOTH),
        [("p", 1, 0.5), ("q", 1, 0.25)],
    ),
    "load=no-state": (
        DOCUMENT.also("load", "no-state"),
        (TWO, BOTH, Save("A", "s"), TWO, Load("A", "s", "deepcopy"), BOTH),
        [("p", 1, 0.5), ("q", 1, 0.25)],
    ),
    "load=no-options": (
        DOCUMENT.also("load", "no-options"),
        OTHER_OPTIONS_LOADED,
        [("p", 1, 0.5), ("q", 1, 0.25)],
    ),
    "load=no-lr": (
        DOCUMENT.also("load", "no-lr"),
        OTHER_OPTIONS_LOADED,
        [("p", 1, 0.5), ("q", 1, 0.25)],
    ),
    "load=first-options": (
        DOCUMENT.also("load", "first-options"),
        (TWO, Save("A", "s"), TWO, Load("A", "s", "deepcopy"), BOTH),
        [("p", 1, 0.5), ("q", 1, 0.5)],
    ),
    "zero_grad=nothing": (
        DOCUMENT.also("zero_grad", "nothing"),
        (TWO, BOTH, ZeroGrad("A", True), Step("A")),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
    "zero_grad=to-none": (
        DOCUMENT.also("zero_grad", "to-none"),
        (TWO, BOTH, ZeroGrad("A", False), Step("A")),
        [],
    ),
    "zero_grad=to-zero": (
        DOCUMENT.also("zero_grad", "to-zero"),
        (TWO, BOTH, ZeroGrad("A", True), Step("A")),
        [("p", 2, 0.5), ("q", 2, 0.25)],
    ),
}


#: A state of `maximize` is loaded by an optimizer without it.
MAXIMIZE_LOADED = (
    New("A", (Group(("p", "q"), {"maximize": True}),), {"lr": 0.5}),
    Save("A", "s"),
    New("A", (Group(("p", "q")),), {"lr": 0.5}),
    Load("A", "s", "deepcopy"),
    BOTH,
)
