"""Saves and loads at moments that are no ordinary ones.

Before the first step, twice in a row, into an optimizer that is ahead, along a chain of
optimizers, over an added group, and with counters that binary32 cannot raise.
"""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_reference.flags import Flag
from adagrad_reference.formats import Format
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    LoadWay,
    New,
    Save,
    Scenario,
    SetState,
    Step,
    Tensor,
    tensor,
)

from .builders import FOUR_FORMATS, draw, rng, scenario, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "odd-moments"
_SIZES = {"p": 3, "q": 2, "r": 1}
_OTHER = {"lr": 0.011, "eps": 2.3e-3, "weight_decay": 0.9}
_WAYS: tuple[LoadWay, ...] = ("deepcopy", "bytes")


def scenarios() -> Iterator[Scenario]:
    """Each moment in every format, the ways of loading in turn."""
    for turn, fmt in enumerate(FOUR_FORMATS):
        yield _fresh_into_stepped(fmt, _WAYS[turn % 2])
        yield _twice_before_the_first_step(fmt)
        yield _chain(fmt)
        yield _unstepped_group(fmt)
        yield _skipped_after_a_load(fmt)
        yield _older_than_a_group(fmt)
        if fmt.width > 16:
            yield _fresh_into_stepped(fmt, _WAYS[1 - turn % 2])
            yield _counters_beyond(fmt)


class _Draw:
    """Params and gradients that depend on the name of a scenario alone."""

    def __init__(self, name: str, fmt: Format) -> None:
        self.fmt, self.source = fmt, rng(f"{FAMILY}/{name}/{fmt.name}")
        self.params = {name: self._values(n, 0.3) for name, n in _SIZES.items()}

    def _values(self, count: int, low: float) -> Tensor:
        return tensor(self.fmt, draw(self.source, count, low, 10 * low))

    def step(self, name: str, params: str = "pqr", skipped: str = "") -> Step:
        """A step with new gradients of `params`, None for those that are `skipped`."""
        gradients: dict[str, Gradient] = {
            p: self._values(_SIZES[p], 0.2) for p in params
        }
        return Step(name, {**gradients, **dict.fromkeys(skipped)})


def _groups(*groups: str) -> tuple[Group, ...]:
    """Groups of the params that the letters name; the last one has its own rate."""
    own: list[dict[str, float | bool]] = [{} for _ in groups]
    if len(groups) > 1:
        own[-1] = {"lr": 0.43}
    return tuple(Group(tuple(g), o) for g, o in zip(groups, own, strict=True))


def _options(fmt: Format) -> dict[str, float | bool]:
    return {
        **usual_options(fmt),
        "lr_decay": 0.7,
        "weight_decay": 0.23,
        "initial_accumulator_value": 0.3,
    }


def _moment(
    name: str,
    fmt: Format,
    requirements: tuple[str, ...],
    drawn: _Draw,
    events: list[Event],
    note: str,
) -> Scenario:
    path = f"{FAMILY}/{name}/{fmt.name}"
    flags = (Flag.OTHER_CONSTRUCTOR,)
    return scenario(path, requirements, drawn.params, events, note, flags)


def _fresh_into_stepped(fmt: Format, via: LoadWay) -> Scenario:
    name = f"fresh-into-stepped-by-{via}"
    drawn = _Draw(name, fmt)
    return _moment(
        name,
        fmt,
        (f"state-dict/{via}", "state-dict/options", "lr-decay/own-counter"),
        drawn,
        [
            New("A", _groups("pq", "r"), _options(fmt)),
            Save("A", "fresh"),
            New("B", _groups("pq", "r"), _OTHER),
            drawn.step("B"),
            drawn.step("B", skipped="q"),
            Load("B", "fresh", via),
            drawn.step("B"),
            drawn.step("B"),
        ],
        "a state of no step replaces that of two: S is tau again, and t is 0",
    )


def _twice_before_the_first_step(fmt: Format) -> Scenario:
    drawn = _Draw("twice-before-the-first-step", fmt)
    return _moment(
        "twice-before-the-first-step",
        fmt,
        ("state-dict/reading", "state-dict/bytes"),
        drawn,
        [
            New("A", _groups("pq", "r"), _options(fmt)),
            Save("A", "first"),
            Save("A", "second"),
            drawn.step("A"),
            drawn.step("A"),
            Load("A", "second", "bytes"),
            drawn.step("A"),
            Load("A", "first", "bytes"),
            drawn.step("A"),
        ],
        "two saves of a fresh optimizer are alike, and none of them takes a step",
    )


def _chain(fmt: Format) -> Scenario:
    drawn = _Draw("chain", fmt)
    tau = {"initial_accumulator_value": 0.3}
    own = {"lr": 0.43, "lr_decay": 1.9, "weight_decay": 0.31, "eps": 7.1e-3}
    return _moment(
        "chain",
        fmt,
        ("state-dict/bytes", "state-dict/deepcopy", "groups/add"),
        drawn,
        [
            New("A", _groups("pq"), _options(fmt)),
            drawn.step("A", "pq"),
            Save("A", "one"),
            New("B", _groups("pq"), {**_OTHER, **tau}),
            Load("B", "one", "bytes"),
            drawn.step("B", "pq", skipped="q"),
            AddGroup("B", Group(("r",), own)),
            drawn.step("B"),
            Save("B", "two"),
            New("C", _groups("pq", "r"), {"lr": 0.6}),
            Load("C", "two", "deepcopy"),
            drawn.step("C"),
            Save("C", "three"),
            New("D", _groups("pq", "r"), _OTHER),
            Load("D", "three", "bytes"),
            drawn.step("D"),
        ],
        "four optimizers in turn, the second of which gets the group of r",
    )


def _unstepped_group(fmt: Format) -> Scenario:
    drawn = _Draw("unstepped-group", fmt)
    return _moment(
        "unstepped-group",
        fmt,
        ("state-dict/unstepped-group", "state-dict/bytes"),
        drawn,
        [
            New("A", _groups("pq"), _options(fmt)),
            drawn.step("A", "pq"),
            AddGroup("A", Group(("r",), {"lr": 0.43})),
            Save("A", "checkpoint"),
            New("B", _groups("pq", "r"), _OTHER),
            Load("B", "checkpoint", "bytes"),
            drawn.step("B"),
            drawn.step("B"),
        ],
        "r is saved before its first step; its S begins with the tau of A, not of B",
    )


def _skipped_after_a_load(fmt: Format) -> Scenario:
    drawn = _Draw("skipped-after-a-load", fmt)
    return _moment(
        "skipped-after-a-load",
        fmt,
        ("state-dict/bytes", "none-vs-zero/interleaved"),
        drawn,
        [
            New("A", _groups("pq", "r"), _options(fmt)),
            drawn.step("A"),
            drawn.step("A", skipped="r"),
            Save("A", "checkpoint"),
            New("B", _groups("pq", "r"), _OTHER),
            Load("B", "checkpoint", "bytes"),
            drawn.step("B", skipped="pr"),
            drawn.step("B", skipped="qr"),
            Save("B", "again"),
            New("C", _groups("pq", "r"), _OTHER),
            Load("C", "again", "deepcopy"),
            drawn.step("C"),
        ],
        "r has no gradient between two loads, p and q one each",
    )


def _older_than_a_group(fmt: Format) -> Scenario:
    drawn = _Draw("older-than-a-group", fmt)
    return _moment(
        "older-than-a-group",
        fmt,
        ("state-dict/mismatch-refused",),
        drawn,
        [
            New("A", _groups("pq"), _options(fmt)),
            drawn.step("A", "pq"),
            Save("A", "older"),
            AddGroup("A", Group(("r",), {"lr": 0.43})),
            drawn.step("A"),
            Load("A", "older", "bytes"),
            drawn.step("A"),
        ],
        "a save from before the group was added is refused, and changes nothing",
    )


def _counters_beyond(fmt: Format) -> Scenario:
    drawn = _Draw("counters-beyond-2-24", fmt)
    sums = {name: tensor(fmt, [0.9] * n) for name, n in _SIZES.items()}
    counts = {"p": 2**24 - 1, "q": 2**24, "r": 2**24 + 2}
    return _moment(
        "counters-beyond-2-24",
        fmt,
        ("lr-decay/counts-beyond-2-24", "state-dict/bytes"),
        drawn,
        [
            New("A", _groups("pq", "r"), {**_options(fmt), "lr_decay": 1e-7}),
            *(SetState("A", name, sums[name], t) for name, t in counts.items()),
            Save("A", "checkpoint"),
            New("B", _groups("pq", "r"), _OTHER),
            Load("B", "checkpoint", "bytes"),
            drawn.step("B"),
            drawn.step("B"),
        ],
        "binary32 holds all three counters, and cannot raise two of them by one",
    )
