"""Relations: two runs of one port that must agree bit for bit, without an oracle.

Rule 1.  The port makes both runs; neither is compared with the reference.
Rule 2.  Equality is of bits; the sign of a zero is ignored, and a NaN equals a NaN.
Rule 3.  A relation holds for every legal port, whatever its order of operations and
         its intermediates, as long as the port treats all elements and signs alike.
         The numbers of the scenarios keep intermediates clear of over- and underflow.
Rule 4.  Every relation is in the table `RELATIONS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from adagrad_reference.formats import BINARY32, BINARY64, Format
from adagrad_reference.scenario import (
    Event,
    Gradient,
    Group,
    Layout,
    Load,
    New,
    Save,
    Step,
    Tensor,
    tensor,
)

from .kinds import Relation, Same
from .scenarios.builders import (
    FOUR_FORMATS,
    draw,
    optimizer,
    rng,
    scenario,
    steps,
    usual_options,
    view,
)

__all__ = ["RELATIONS", "relations"]

Tensors = Mapping[str, Tensor]
Gradients = Sequence[Mapping[str, Gradient]]


def relations() -> Iterator[Relation]:
    """Every relation of the table, in each format."""
    for fmt in FOUR_FORMATS:
        for written in RELATIONS:
            yield from written(fmt)


# -- parts of relations ----------------------------------------------------------------


def _relation(
    name: str,
    requirement: str,
    fmt: Format,
    left: tuple[Tensors, Sequence[Event]],
    right: tuple[Tensors, Sequence[Event]],
    same: Sequence[Same],
    **more: Any,
) -> Relation:
    path = f"relations/{name}/{fmt.name}"
    one = scenario(f"{path}/left", requirement, *left)
    other = scenario(f"{path}/right", requirement, *right)
    return Relation(path, (requirement,), one, other, tuple(same), **more)


def _params(fmt: Format, name: str, **sizes: int) -> dict[str, Tensor]:
    source = rng(f"relations/{name}/{fmt.name}")
    return {p: tensor(fmt, draw(source, n, 0.4, 2.5)) for p, n in sizes.items()}


def _gradients(
    fmt: Format, name: str, params: Tensors, count: int
) -> list[dict[str, Gradient]]:
    source = rng(f"relations/{name}/gradients/{fmt.name}")
    return [
        {p: tensor(fmt, draw(source, t.size, 0.2, 3.0)) for p, t in params.items()}
        for _ in range(count)
    ]


def _mapped(tensors: Mapping[str, Any], change: Callable[[float], float]) -> Any:
    """The tensors with every value changed; None stays.

    The changes of this file are exact, so that nothing is rounded.
    """
    return {
        name: t and replace(t, bits=tuple(t.fmt.encode(change(v)) for v in t.values()))
        for name, t in tensors.items()
    }


def _after(
    events: Sequence[Event], params: Sequence[str], name: str = "A"
) -> list[Same]:
    """The same params of both runs after every step."""
    return [
        Same((number, number), ((name, p), None), ((name, p), None))
        for number, event in enumerate(events)
        if isinstance(event, Step)
        for p in params
    ]


def _full(fmt: Format) -> dict[str, Any]:
    return {**usual_options(fmt), "lr_decay": 0.13, "weight_decay": 0.21}


# -- the run as a whole ----------------------------------------------------------------


def _repeatable(fmt: Format) -> Iterator[Relation]:
    params = _params(fmt, "repeatable", p=67, q=3)
    events = [
        optimizer(params, **_full(fmt)),
        *steps(_gradients(fmt, "repeatable", params, 2)),
    ]
    yield _relation(
        "repeatable",
        "relations/repeatable",
        fmt,
        (params, events),
        (params, events),
        _after(events, list(params)),
        note="the same run twice",
    )


def _scaling(fmt: Format) -> Iterator[Relation]:
    """Gradients times 2^k and S_0 times 4^k: the quotient g / sqrt(S) is the same."""
    params = _params(fmt, "scaling", p=5, q=3)
    gradients = _gradients(fmt, "scaling", params, 4)
    factor = 0.25 if fmt.width == 16 else 2.0**-9
    options: dict[str, Any] = {"lr": 0.7, "lr_decay": 0.13, "eps": 0.0}

    def run(by: float) -> list[Event]:
        scaled = [_mapped(given, lambda value: value * by) for given in gradients]
        tau = 0.25 * by * by
        first = optimizer(params, initial_accumulator_value=tau, **options)
        return [first, *steps(scaled)]

    yield _relation(
        "scaling",
        "relations/scaling",
        fmt,
        (params, run(1.0)),
        (params, run(factor)),
        _after(run(1.0), list(params)),
        sum_factor=factor * factor,
        note=f"gradients times {factor}",
    )


def _negation(fmt: Format) -> Iterator[Relation]:
    params = _params(fmt, "negation", p=5, q=3)
    gradients = _gradients(fmt, "negation", params, 4)
    first = optimizer(params, initial_accumulator_value=0.3, **_full(fmt))
    events = [first, *steps(gradients)]
    negative = [_mapped(given, lambda value: -value) for given in gradients]
    yield _relation(
        "negation",
        "relations/negation",
        fmt,
        (params, events),
        (_mapped(params, lambda value: -value), [first, *steps(negative)]),
        _after(events, list(params)),
        theta_factor=-1.0,
        note="theta_0 and all gradients negated",
    )


def _maximize(fmt: Format) -> Iterator[Relation]:
    params = _params(fmt, "maximize", p=5, q=3)
    gradients = _gradients(fmt, "maximize", params, 4)
    negative = [_mapped(given, lambda value: -value) for given in gradients]
    ascent = [optimizer(params, maximize=True, **_full(fmt)), *steps(gradients)]
    descent = [optimizer(params, **_full(fmt)), *steps(negative)]
    yield _relation(
        "maximize",
        "relations/maximize",
        fmt,
        (params, descent),
        (params, ascent),
        _after(descent, list(params)),
        note="minimize with -g, and maximize with g",
    )


# -- skipped params, interruptions, groups ---------------------------------------------


def _none_is_absent(fmt: Format) -> Iterator[Relation]:
    params = _params(fmt, "none", p=5, q=3, r=2)
    gradients = _gradients(fmt, "none", params, 4)
    alone = {name: params[name] for name in "pr"}
    without = [{k: g for k, g in given.items() if k != "q"} for given in gradients]
    skipped = [{**given, "q": None} for given in gradients]
    left = [optimizer(alone, **_full(fmt)), *steps(without)]
    right = [optimizer(params, **_full(fmt)), *steps(skipped)]
    yield _relation(
        "none-is-absent",
        "relations/none-is-absent",
        fmt,
        (alone, left),
        (params, right),
        _after(left, list(alone)),
        note="without q, and with a q that never has a gradient",
    )


def _interrupted(fmt: Format) -> Iterator[Relation]:
    params = _params(fmt, "interrupted", p=5, q=3)
    gradients: list[Mapping[str, Gradient]] = [
        *_gradients(fmt, "interrupted", params, 5)
    ]
    gradients[1] = {**gradients[1], "q": None}
    first = optimizer(params, **_full(fmt))
    through = [first, *steps(gradients)]
    for cut in range(len(gradients) + 1) if fmt == BINARY32 else (2,):
        fresh = optimizer(params, name="B", lr=0.011, eps=0.3)
        halves = [
            first,
            *steps(gradients[:cut]),
            Save("A", "s"),
            fresh,
            Load("B", "s", "bytes"),
            *steps(gradients[cut:], "B"),
        ]
        last = (len(through) - 1, len(halves) - 1)
        yield _relation(
            f"interrupted-after-{cut}",
            "relations/interrupted",
            fmt,
            (params, through),
            (params, halves),
            [Same(last, (("A", p), None), (("B", p), None)) for p in params],
            note=f"five steps, and {cut}, save, load, and {5 - cut}",
        )


def _groups(fmt: Format) -> Iterator[Relation]:
    params = _params(fmt, "groups", p=17, q=9, r=5)
    gradients = _gradients(fmt, "groups", params, 3)
    gradients[1] = {**gradients[1], "q": None}
    together = [optimizer(params, **_full(fmt)), *steps(gradients)]
    split = New("A", (Group(("r", "q")), Group(("p",))), _full(fmt))
    yield _relation(
        "groups",
        "relations/groups",
        fmt,
        (params, together),
        (params, [split, *steps(gradients)]),
        _after(together, list(params)),
        note="one group, and two with the params in another order",
    )


# -- where an element stands -----------------------------------------------------------


def _anywhere(fmt: Format) -> str:
    """The requirement: the wider formats have one, those of 16 bits another."""
    wide = fmt in (BINARY64, BINARY32)
    return "layout/same-bits" if wide else "layout/same-bits-in-16-bit-formats"


#: A size that is no multiple of the lanes of any vector unit.
SIZE = 131


def _one_param(fmt: Format) -> tuple[Tensor, list[Tensor]]:
    params = _params(fmt, "position", p=SIZE)
    given = _gradients(fmt, "position", params, 3)
    return params["p"], [g for one in given if isinstance(g := one["p"], Tensor)]


def _take(whole: Tensor, places: Sequence[int]) -> Tensor:
    bits = tuple(whole.bits[i] for i in places)
    return Tensor(whole.format, (len(bits),), bits)


def _permuted(fmt: Format) -> Iterator[Relation]:
    """Elements in reverse and shifted by one, so that each is in another lane."""
    theta, gradients = _one_param(fmt)
    order = [(SIZE - i) % SIZE for i in range(SIZE)]
    first = optimizer(**_full(fmt))
    left = [first, *steps({"p": g} for g in gradients)]
    right = [first, *steps({"p": _take(g, order)} for g in gradients)]
    whole = tuple(range(SIZE))
    yield _relation(
        "permuted",
        _anywhere(fmt),
        fmt,
        ({"p": theta}, left),
        ({"p": _take(theta, order)}, right),
        [
            Same((n, n), (("A", "p"), tuple(order)), (("A", "p"), whole))
            for n in range(1, len(left))
        ],
        note="the elements of one param in another order",
    )


def _cut(fmt: Format) -> Iterator[Relation]:
    """One param, and the same elements as several params of odd sizes."""
    theta, gradients = _one_param(fmt)
    ends = (0, 1, 4, 20, 61, SIZE)
    pieces = {
        f"p{i}": tuple(range(start, end))
        for i, (start, end) in enumerate(pairwise(ends))
    }

    def cut(whole: Tensor) -> dict[str, Tensor]:
        return {name: _take(whole, places) for name, places in pieces.items()}

    left = [optimizer(**_full(fmt)), *steps({"p": g} for g in gradients)]
    right = [optimizer(pieces, **_full(fmt)), *steps(cut(g) for g in gradients)]
    last = (len(left) - 1, len(right) - 1)
    yield _relation(
        "cut",
        _anywhere(fmt),
        fmt,
        ({"p": theta}, left),
        (cut(theta), right),
        [
            Same(last, (("A", "p"), places), (("A", name), None))
            for name, places in pieces.items()
        ],
        note="one param, and the same elements cut into five",
    )


def _strided(fmt: Format) -> Iterator[Relation]:
    """A contiguous param, and one that is every third place of a larger storage."""
    theta, gradients = _one_param(fmt)
    layout = Layout(3 * SIZE, 1, (3,), fmt.encode(0.0))
    events = [optimizer(**_full(fmt)), *steps({"p": g} for g in gradients)]
    yield _relation(
        "strided",
        _anywhere(fmt),
        fmt,
        ({"p": theta}, events),
        ({"p": view(theta, layout)}, events),
        _after(events, ["p"]),
        note="a contiguous param, and a strided one",
    )


#: Everything that `relations` yields, in the order of a run.
RELATIONS: tuple[Callable[[Format], Iterator[Relation]], ...] = (
    _repeatable,
    _scaling,
    _negation,
    _maximize,
    _none_is_absent,
    _interrupted,
    _groups,
    _permuted,
    _cut,
    _strided,
)
