"""Scenarios and failures of hostile names, written by every writer of scripts."""

from __future__ import annotations

import functools
import itertools
import random
from dataclasses import replace

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reproducers.assertion import Assertion, Look
from adagrad_conformance.reproducers.names import ScriptNames
from adagrad_conformance.reproducers.scripts import WRITERS, Failed
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.boxes import Box
from adagrad_reference.scenario import (
    AddGroup,
    Group,
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

WORD = "kanary"
RUN = f"open('{WORD}', 'w').close()"

#: Each breaks out of something: of strings, comments, names, lines, fences, words.
HOSTILE = tuple(
    text.replace("RUN", RUN).replace("WORD", WORD)
    for text in (
        "{RUN}", "{{RUN}}", "{seen.WORD}", '"); RUN; ("', "'); RUN; ('",
        '\\"); RUN; (\\"', '""" RUN """', "x\nRUN\ny", "x\rRUN\ry",
        "x\u2028RUN\u2029", "x\x85RUN\x0b\x0c", "WORD\\", "WORD??/",
        "*/ WORD(); /*", "--> WORD <!--", "${WORD()}", "`; WORD(); `",
        "$(touch WORD)", "'; touch WORD; '", "`touch WORD`", "\0WORD",
        "<script>WORD</script>", "```\nWORD\n```", "[x](WORD)",
        "# coding: utf-7 WORD", "../../WORD", "-WORD", "--json=WORD", "WORD",
        "WORD as p", "p, WORD", "lambda: WORD", "p=WORD", "\N{DIGIT ONE}WORD",
        "\\N{DASH}WORD", "\ud800WORD", "\u202eWORD", "éWORD", "%s%nWORD",
        "x; RUN", "#WORD", "a.b(WORD)", "WORD" * 1000,
    )
)  # fmt: skip


# -- scenarios with all that can be written --------------------------------------------


def tensor(*values, shape=None, fmt="binary32"):
    bits = tuple(Tensor(fmt, (), (0,)).fmt.encode(value) for value in values)
    return Tensor(fmt, shape or (len(values),), bits)


P, G = tensor(1.0, -2.0), tensor(3.0, 4.0)
ROWS = Sparse((2,), (1, 1), tensor(4.0, 5.0))
MADE = New("A", (Group(("p",)),), {"lr": 0.5})
BOTH = New("A", (Group(("p",), {"lr": 2.0}), Group(("q",))), {"lr": 0.5})
STEP = Step("A", {"p": G})
SAVED = (MADE, STEP, Save("A", "s"), STEP, MADE)


def scenario(*events):
    return Scenario("x/y", ("x/y",), "MUST", {"p": P, "q": P}, events)


PLAYED = (
    scenario(MADE, STEP, Step("A", {"p": None})),
    scenario(MADE, SetState("A", "p", tensor(7.0, 0.0), 3), STEP),
    scenario(MADE, SetOption("A", 0, "lr", 0.25), STEP, Read("A")),
    scenario(*SAVED, Load("A", "s", "bytes")),
    scenario(*SAVED, Load("A", "s", "same-object"), Load("A", "s", "deepcopy")),
    scenario(*SAVED, Load("A", "s", "new-process"), STEP),
    scenario(BOTH, Step("A", {"p": G, "q": None})),
    scenario(MADE, AddGroup("A", Group(("q",), {"eps": 1.0})), Step("A", {"q": G})),
    scenario(MADE, Step("A", {"p": ROWS}), ZeroGrad("A", False)),
    scenario(MADE, Step("A", {"p": G}, 2.5), Steps("A", ({"p": G}, {"p": None}), 3)),
    scenario(MADE, replace(MADE, optimizer="B"), replace(STEP, optimizer="B")),
    scenario(MADE, AddGroup("A", Group(("p",)))),
    scenario(New("A", (Group(("p",)),), {"lr": -1.0})),
    scenario(New("A", (Group(("p",)),), {"lr": 1.0, "?": 2.0})),
    scenario(MADE, AddGroup("A", Group(("q",), {"?": 2.0}))),
)
ONE = Box(-2.5, 2.5)
#: What is asserted of p under A: of each kind, where a script looks at a value.
ASSERTIONS = tuple(
    Assertion(what, "A", "p", **due)
    for what, due in (
        (Look.THETA, {"element": 1, "box": ONE}),
        (Look.THETA, {"exact": "nan"}),
        (Look.THETA, {"still": 1.0}),
        (Look.SUM, {"box": ONE, "own": True}),
        (Look.MASTER, {"box": ONE}),
        (Look.COUNTER, {"exact": "1"}),
        (Look.GRADIENT, {"exact": "None"}),
        (Look.GRADIENT, {"element": 1, "box": ONE}),
        (Look.STATE, {}),
        (Look.MASTER_STATE, {}),
        (Look.STORAGE, {"box": ONE}),
        (Look.ROWS, {"values": (0.0, 9.0)}),
        (Look.CALLS, {"exact": "1"}),
        (Look.ASKED, {"values": (1.0, -2.0)}),
        (Look.LOSS, {"exact": "2.5"}),
        (Look.MEMBERS, {"exact": "1"}),
    )
)
#: Scenarios whose last event must be refused, and what is asserted at their end.
REFUSED = PLAYED[-4:]
#: Of a refusal, and of an exception.
REFUSAL = (Assertion(Look.REFUSAL, exact="?"), None)


def hostile(played, text):
    """The scenario with all its names, and its unknown options, made of a text."""
    names = ScriptNames(
        {"p": text, "q": f"{text}2"},
        {"A": text, "B": f"{text}3"},
        {"s": text},
    )
    renamed = names.scenario(played)
    events = tuple(map(functools.partial(_with_options, text=text), renamed.events))
    return replace(renamed, id=text, requirements=(text,), note=text, events=events)


def _with_options(event, text):
    def named(options):
        return {text if name == "?" else name: x for name, x in options.items()}

    if isinstance(event, New):
        return replace(event, options=named(event.options))
    if isinstance(event, AddGroup):
        options = named(event.group.options)
        return replace(event, group=replace(event.group, options=options))
    return event


def with_names(found, text):
    """The assertion of a param, an optimizer and a refusal of hostile names."""
    if found is None:
        return None
    exact = text if found.exact == "?" else found.exact
    param = text if found.param else ""
    return replace(found, param=param, optimizer=text, exact=exact)


def identity(name, text, torch=True):
    claims = frozenset({"torch"} if torch else ())
    return Identity(name, text, text, claims, constants={text: 1.0})


PICK = random.Random(20_110_712)


def broken(text, status=Status.FAIL, detail=None):
    """A verdict whose words are hostile."""
    return Verdict(text, (text,), "MUST", status, message=text, detail=detail)


TARGETS = (*PORTS, "my.module:Adagrad", "some/file.py:Adagrad", "exec:./port")


def targets(text):
    """Those of users, which are hostile too."""
    yield from (text, f"exec:{text}", f"{text}:Adagrad", f"my.module:{text}")
    yield from (f"{text}.py:Adagrad", f"some/file.py:{text}", f"a.{text}:A.{text}")


def pairs(target):
    """Scenarios and assertions for a target: all scenarios where it has a syntax."""
    syntax = target in PORTS and PORTS[target].syntax
    for played in PLAYED if syntax else PICK.sample(PLAYED, 4):
        refused = played in REFUSED
        for found in REFUSAL if refused else PICK.sample(ASSERTIONS, 4):
            yield played, found


def failures():
    """For every registered port the texts in turn, for users' targets each text."""
    turns = itertools.cycle(HOSTILE)
    registered = [(t, next(turns), pair) for t in TARGETS for pair in pairs(t)]
    own = [
        (t, x, pair) for x in HOSTILE for t in targets(x) for pair in [next(pairs(t))]
    ]
    for target, text, (played, found) in registered + own:
        yield Failed(
            hostile(played, text), target, identity(target, text),
            f"{WORD}.json", broken(text), with_names(found, text),
        )  # fmt: skip


@functools.cache
def written():
    """(writer, failure, script), of each writer that can write it."""
    found = []
    for failed in failures():
        for write in WRITERS:
            try:
                script = write(failed)
            except ValueError:  # refused: a scenario is impossible, a word has a NUL
                continue
            if script:
                found.append((write, failed, script))
    return found
