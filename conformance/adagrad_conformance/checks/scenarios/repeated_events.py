"""One kind of event many times over, among steps that show its effect.

A single pause, a single change or a single refusal is met by the other families.  A
table, a flag or a counter in a port may hold out for the first few and give way later.
Each scenario repeats one kind of event `TIMES` times; ordinary steps stand before it,
between the repetitions where the kind allows, and behind it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64, Format
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    Step,
    Tensor,
    ZeroGrad,
    tensor,
)

from .builders import draw, rng, scenario, usual_options

__all__ = ["FAMILY", "TIMES", "scenarios"]

FAMILY = "repeated-events"

TIMES = 9  #: more than the three to eight after which caches and guards give way
ROUNDS = 4  #: of events that cost more
SIZES = {"p": 3, "q": 2, "r": 1}
#: The second values of options that change, each far from the first.
CHANGED: Mapping[str, float | bool] = {
    "lr": 0.19,
    "lr_decay": 1.3,
    "weight_decay": 0.0,
    "eps": 0.31,
    "maximize": True,
}

Gradients = Mapping[str, Gradient]


def scenarios() -> Iterator[Scenario]:
    """Every kind of event, repeated, in binary32 and in one other format."""
    for fmt in (BINARY32, BINARY64):
        yield from _gradient_patterns(fmt)
        yield from _saves_and_loads(fmt)
        yield _loads_of_another_run(fmt)
        yield _one_dict_loaded(fmt)
        yield _empty_skipped(fmt)
    for fmt in (BINARY32, BFLOAT16):
        yield from _option_changes(fmt)
        yield _zero_grads(fmt)
    for fmt in (BINARY32, BINARY16):
        yield from _changes_while_skipped(fmt)
        yield _closures(fmt)
        yield from _refusals(fmt)


class _Draw:
    """Gradients of all params, in a sequence that depends on a name alone."""

    def __init__(self, name: str, fmt: Format) -> None:
        self.fmt, self.source = fmt, rng(f"{FAMILY}/{name}/{fmt.name}")
        self.params = {p: self.values(n, 0.3, 2.5) for p, n in SIZES.items()}

    def values(self, count: int, low: float, high: float) -> Tensor:
        return tensor(self.fmt, draw(self.source, count, low, high))

    def gradients(self, **fixed: Gradient) -> dict[str, Gradient]:
        """New gradients for all params but those that are given."""
        return {p: self.values(n, 0.2, 3.0) for p, n in SIZES.items()} | fixed


def _new(fmt: Format, name: str = "A", **options: float | bool) -> New:
    """The group of p, which is named first, and that of q and r."""
    usual = {**usual_options(fmt), "lr_decay": 0.7, "weight_decay": 0.23, **options}
    groups = (Group(("p",)), Group(("q", "r"), {"lr": 0.43, "weight_decay": 0.11}))
    return New(name, groups, usual)


def _scenario(
    name: str,
    fmt: Format,
    requirements: tuple[str, ...],
    drawn: _Draw,
    events: list[Event],
    note: str,
) -> Scenario:
    """The events behind the constructor, and an ordinary step at the end."""
    return scenario(
        f"{FAMILY}/{name}/{fmt.name}",
        requirements,
        drawn.params,
        [_new(fmt), *events, Step("A", drawn.gradients())],
        note=note,
    )


# -- gradients -------------------------------------------------------------------------


def _gradient_patterns(fmt: Format) -> Iterator[Scenario]:
    """None, zeros, equal gradients, turning signs: in a row, then every second step."""
    patterns: dict[str, tuple[str, Callable[[_Draw, int], Gradient]]] = {
        "none": ("none-vs-zero/interleaved", lambda drawn, i: None),
        "zeros": ("none-vs-zero/zero-steps", lambda drawn, i: _zeros(drawn)),
        "equal": ("algorithm/accumulator", lambda drawn, i: drawn.params["p"]),
        "turning": ("algorithm/accumulator", _turning),
    }
    for word, (requirement, gradient) in patterns.items():
        drawn = _Draw(word, fmt)
        events: list[Event] = [Step("A", drawn.gradients())]
        for i in range(TIMES):
            events.append(Step("A", drawn.gradients(p=gradient(drawn, i))))
            if i >= TIMES - 3:
                events.append(Step("A", drawn.gradients()))
        note = f"the gradients of p are {word} {TIMES} times, the last ones in turn"
        named = (requirement, "lr-decay/own-counter")
        yield _scenario(word, fmt, named, drawn, events, note)


def _zeros(drawn: _Draw) -> Tensor:
    return tensor(drawn.fmt, [0.0] * SIZES["p"])


def _turning(drawn: _Draw, i: int) -> Tensor:
    sign = (-1) ** i
    return tensor(drawn.fmt, [sign * (0.7 + 0.3 * i), -sign * 1.9, sign * 0.4])


# -- options ---------------------------------------------------------------------------


def _option_changes(fmt: Format) -> Iterator[Scenario]:
    """Each option there and back, a step after each; and lr = 0 for many steps."""
    before = {**usual_options(fmt), "lr_decay": 0.7, "weight_decay": 0.23}
    before["maximize"] = False
    for option, other in CHANGED.items():
        name = f"{option.replace('_', '-')}-there-and-back"
        drawn = _Draw(name, fmt)
        events: list[Event] = [Step("A", drawn.gradients())]
        for value in itertools.islice(itertools.cycle((other, before[option])), TIMES):
            events += [SetOption("A", 0, option, value), Step("A", drawn.gradients())]
        note = f"{option} of the first group changes {TIMES} times between two values"
        yield _scenario(name, fmt, ("groups/option-change",), drawn, events, note)
    drawn = _Draw("rate-zero", fmt)
    yield _scenario(
        "rate-zero",
        fmt,
        ("groups/option-change", "algorithm/accumulator", "weight-decay/coupled"),
        drawn,
        [
            SetOption("A", 0, "lr", 0.0),
            *(Step("A", drawn.gradients()) for _ in range(TIMES)),
            SetOption("A", 0, "lr", 0.7),
            Step("A", drawn.gradients()),
        ],
        note=f"lr is 0 for {TIMES} steps, which count and accumulate, and then rises",
    )


def _changes_while_skipped(fmt: Format) -> Iterator[Scenario]:
    """An option changes in a step that skips the param, and is seen in a later one."""
    for option, value in CHANGED.items():
        name = f"{option.replace('_', '-')}-changed-while-skipped"
        drawn = _Draw(name, fmt)
        skipped = drawn.gradients(q=None)
        yield _scenario(
            name,
            fmt,
            ("groups/option-change", "none-vs-zero/interleaved"),
            drawn,
            [
                Step("A", drawn.gradients()),
                SetOption("A", 1, option, value),
                Step("A", skipped),
                Step("A", drawn.gradients(q=None)),
            ],
            note=f"q has no gradient in the steps in which a changed {option} is new",
        )


# -- closures, saves, loads ------------------------------------------------------------


def _closures(fmt: Format) -> Scenario:
    """Steps with a closure, plain ones and readings in turn, by changed options."""
    drawn = _Draw("closures", fmt)
    events: list[Event] = [SetOption("A", 0, o, other) for o, other in CHANGED.items()]
    for i in range(TIMES):
        events.append(Step("A", drawn.gradients(), loss=0.3 + i))
        events.append(Step("A", drawn.gradients(q=None)) if i % 2 else Read("A"))
    return _scenario(
        "closures",
        fmt,
        ("closure/once", "groups/option-change"),
        drawn,
        events,
        note=f"{TIMES} closures, some of them beside plain steps; no option of the"
        " first group is the constructor's",
    )


def _saves_and_loads(fmt: Format) -> Iterator[Scenario]:
    """Saves after each step, of which some params had no part, each loaded later."""
    for way in ("deepcopy", "bytes", "same-object"):
        name = f"loads-by-{way}"
        drawn = _Draw(name, fmt)
        events: list[Event] = []
        for i in range(ROUNDS):
            skipped: Gradients = {"pqr"[i % 3]: None}
            events += [
                SetOption("A", 0, "lr", 0.9 / (i + 1)),
                Step("A", drawn.gradients(**skipped)),
            ]
            if way != "same-object":  # it may be a live view, which steps change
                events.append(Save("A", f"s{i}"))
                events += [Step("A", drawn.gradients())] if i % 2 else []
                events.append(Load("A", f"s{i - i % 3}", way))
                events.append(Save("A", f"t{i}"))
                events.append(Load("A", f"t{i}", way))
            else:
                events += [Save("A", f"s{i}"), Load("A", f"s{i}", "same-object")]
            events.append(SetOption("A", 0, "lr", 0.2 * (i + 1)))
            events.append(Step("A", drawn.gradients(**{"qrp"[i % 3]: None})))
        foremost = "state-dict/bytes" if way == "bytes" else "state-dict/deepcopy"
        yield _scenario(
            name,
            fmt,
            (foremost, "state-dict/options", "none-vs-zero/interleaved"),
            drawn,
            events,
            note=f"{ROUNDS} rounds of a save, a load of it or of one before, another"
            " save, and a changed lr",
        )


def _loads_of_another_run(fmt: Format) -> Scenario:
    """Two runs with equal counters exchange their states, and save what they got."""
    drawn = _Draw("loads-of-another-run", fmt)
    events: list[Event] = [_new(fmt, "B", eps=0.17)]
    for i in range(2):
        for name in "AB":
            events.append(Step(name, drawn.gradients()))
            events.append(Save(name, f"{name}{i}"))
        events += [Load("A", f"B{i}", "bytes"), Load("B", f"A{i}", "bytes")]
        events += [Save("A", f"C{i}"), _new(fmt, "C", eps=0.29)]
        events += [Load("C", f"C{i}", "bytes"), Step("C", drawn.gradients())]
    return _scenario(
        "loads-of-another-run",
        fmt,
        ("state-dict/bytes", "state-dict/options"),
        drawn,
        events,
        note="a save that is kept by counters, or by what has moved, is another run's",
    )


def _one_dict_loaded(fmt: Format) -> Scenario:
    """One and the same dict is loaded again and again, after changes of all options.

    The dict may share S with the optimizer that has loaded it, so nothing steps and
    nothing is written until the last load; it may share S with the optimizer that gave
    it, too: that is gone.
    """
    drawn = _Draw("one-dict-loaded", fmt)
    events: list[Event] = [
        *(Step("A", drawn.gradients()), Save("A", "dict")),
        replace(_new(fmt), options={**CHANGED, "weight_decay": 0.41}),
        *(Step("A", drawn.gradients()), Step("A", drawn.gradients())),
        Save("A", "other"),
        *(Load("A", "dict", "same-object"), Load("A", "other", "deepcopy")),
    ]
    for option, other in CHANGED.items():
        events += [Load("A", "dict", "same-object"), SetOption("A", 0, option, other)]
    events.append(Load("A", "dict", "same-object"))
    return _scenario(
        "one-dict-loaded",
        fmt,
        ("state-dict/options", "state-dict/source-unchanged"),
        drawn,
        events,
        note="a dict that was loaded before is loaded, not recognized",
    )


def _empty_skipped(fmt: Format) -> Scenario:
    """A param without elements, before others, has a history and a rate of its own."""
    drawn = _Draw("empty-skipped", fmt)
    empty = tensor(fmt, [])
    drawn.params = {"empty": empty, **drawn.params}
    steps = [drawn.gradients(empty=None if i % 2 else empty) for i in range(ROUNDS)]
    usual = {**usual_options(fmt), "lr_decay": 0.7}
    made = [New(name, (Group(tuple(drawn.params)),), usual) for name in "AB"]
    return scenario(
        f"{FAMILY}/empty-skipped/{fmt.name}",
        ("lr-decay/own-counter", "none-vs-zero/interleaved", "state-dict/bytes"),
        drawn.params,
        [
            made[0],
            *(Step("A", gradients) for gradients in steps),
            Save("A", "checkpoint"),
            made[1],
            Load("B", "checkpoint", "bytes"),
            Step("B", drawn.gradients(empty=empty)),
        ],
        note="the counters of a param without elements and of those behind it differ",
    )


def _zero_grads(fmt: Format) -> Scenario:
    """zero_grad twice before each step, with and without gradients that are new."""
    drawn = _Draw("zero-grads", fmt)
    events: list[Event] = [Step("A", drawn.gradients())]
    for i in range(TIMES):
        events += [ZeroGrad("A", False), ZeroGrad("A", False)]
        events.append(Step("A", {} if i % 2 else {"q": drawn.gradients()["q"]}))
    return _scenario(
        "zero-grads",
        fmt,
        ("zero-grad/to-zero", "none-vs-zero/zero-steps"),
        drawn,
        events,
        note="zeros that were zeroed again are a step all the same, and p decays",
    )


# -- refusals --------------------------------------------------------------------------


def _refusals(fmt: Format) -> Iterator[Scenario]:
    """A refused group or load, with options of its own; then a legal group without."""
    options = {**CHANGED, "weight_decay": 0.41}
    refusals: dict[str, Event] = {
        "groups": AddGroup("A", Group(("p",), options)),
        "loads": Load("A", "other", "deepcopy"),
    }
    for word, refused in refusals.items():
        drawn = _Draw(f"refused-{word}", fmt)
        late = drawn.values(2, 0.3, 2.5)
        drawn.params |= {"late": late, "other": drawn.values(4, 0.3, 2.5)}
        other: Gradients = {"other": drawn.values(4, 0.2, 3.0)}
        foremost = {
            "groups": "groups/duplicate-refused",
            "loads": "state-dict/mismatch-refused",
        }[word]
        yield _scenario(
            f"refused-{word}",
            fmt,
            (foremost, "groups/add"),
            drawn,
            [
                New("B", (Group(("other",)),), {**options, "eps": 0.17}),
                Step("B", other),
                Save("B", "other"),
                Step("A", drawn.gradients()),
                *(refused, refused),
                Step("A", drawn.gradients()),
                AddGroup("A", Group(("late",))),
                Step("A", drawn.gradients(late=drawn.values(2, 0.2, 3.0))),
            ],
            note=f"after refused {word} a group is added that takes the defaults",
        )
