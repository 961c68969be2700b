"""How each kind of event is drawn: a function for each, and the table `KINDS`.

A function takes `draw` and the draft and returns an event; the table has the claims
that it needs and the state of the draft in which it is possible.  The number of draws
does not depend on the draft: what was drawn is adapted to what is possible (rule 3 of
numbers.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar, assert_never, cast

from hypothesis import strategies as st

from adagrad_reference.formats import BINARY16
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    LoadWay,
    New,
    Read,
    Save,
    SetOption,
    SetState,
    Step,
    Steps,
    ZeroGrad,
)

from .legal_events import Draft
from .numbers import (
    OPTIONS,
    SLOTS,
    Numbers,
    coin,
    dense,
    has_option,
    laid_out,
    numbers,
    one_of,
    option_value,
    option_values,
    sparse,
    whole,
    zeros,
)

__all__ = ["KINDS", "Kind", "first", "possible", "used"]

_T = TypeVar("_T")
_NAMES = ("A", "B")
_SAVES = ("s", "u")
_TAU = "initial_accumulator_value"
_TAUS = (0.0, 0.0, 0.0, 0.3, 2.7)
_ILLEGAL = (-0.5, math.nan)
_MOST_STEPS = 5
_EARLY = 40
_LATE = 1900  #: with all steps of a scenario still within binary16's 2,048


def first(draw: st.DrawFn, draft: Draft) -> New:
    """The optimizer with which a scenario begins."""
    return _new(draw, draft, "A")


def used(draw: st.DrawFn) -> bool:
    """True in 15 of 16 draws; examples shrink to false."""
    return whole(draw, 0, 15) > 0


def _pick(draw: st.DrawFn, known: Sequence[_T]) -> _T:
    """One of at most six; the draw does not depend on their number."""
    return known[whole(draw, 0, 5) % len(known)]


def _optimizer(
    draw: st.DrawFn, draft: Draft, able: Callable[[str], bool] = lambda name: True
) -> str:
    """An optimizer for which `able` holds."""
    name = one_of(draw, _NAMES)
    fit = [optimizer for optimizer in draft.optimizers if able(optimizer)]
    return name if name in fit else fit[0]


# -- optimizers and groups -------------------------------------------------------------


def _new(draw: st.DrawFn, draft: Draft, name: str) -> New:
    count = whole(draw, 1, len(SLOTS))
    params = list(draft.tensors)
    if "add-group" in draft.claims or name != "A":  # some may come later, or never
        params = params[:count]
    groups: list[Group] = []
    for slot in SLOTS:
        apart, own = coin(draw), option_values(draw, draft.claims)
        if slot not in params:
            continue
        if groups and not (apart and "groups" in draft.claims):
            groups[-1] = Group((*groups[-1].params, slot), groups[-1].options)
        else:
            groups.append(Group((slot,), own))
    if len(groups) == 1:
        groups = [Group(groups[0].params)]
    return New(name, tuple(groups), _defaults(draw, draft))


def _defaults(draw: st.DrawFn, draft: Draft) -> dict[str, Any]:
    """Options of the constructor; tau is that of the whole scenario."""
    named = [] if "defaults" in draft.claims else ["lr", "eps"]
    if any(t.fmt == BINARY16 for t in draft.tensors.values()):
        named.append("eps")  # the default one is 0 there
    options = option_values(draw, draft.claims, named)
    tau: float | None = one_of(draw, _TAUS)
    if "initial-accumulator-value" not in draft.claims:
        tau = 0.0
    tau = tau if draft.tau is None else draft.tau
    return {**options, _TAU: tau} if tau else options


def _make(draw: st.DrawFn, draft: Draft) -> Event:
    return _new(draw, draft, one_of(draw, _NAMES))


def _make_wrongly(draw: st.DrawFn, draft: Draft) -> Event:
    names = [name for name in OPTIONS if name != "maximize"]
    known = [n for n in (*names, _TAU) if has_option(draft.claims, n)]
    good = _new(draw, draft, "B")
    bad = {_pick(draw, known): one_of(draw, _ILLEGAL)}
    return New("B", good.groups, {**good.options, **bad})


def _add_group(draw: st.DrawFn, draft: Draft) -> Event:
    optimizer = _optimizer(draw, draft, draft.can_add_group)
    params = tuple(draft.outside(optimizer)[: whole(draw, 1, len(SLOTS))])
    named = list(OPTIONS) if optimizer in draft.loaded else []
    options = option_values(draw, draft.claims, named)
    return AddGroup(
        optimizer, Group(params, options if "groups" in draft.claims else {})
    )


def _add_twice(draw: st.DrawFn, draft: Draft) -> Event:
    optimizer = _optimizer(draw, draft)
    return AddGroup(optimizer, Group((_pick(draw, draft.books.params(optimizer)),)))


def _set_option(draw: st.DrawFn, draft: Draft) -> Event:
    optimizer = _optimizer(draw, draft)
    group = whole(draw, 0, len(SLOTS) - 1) % len(draft.books.groups(optimizer))
    name = _pick(draw, [n for n in OPTIONS if has_option(draft.claims, n)])
    return SetOption(optimizer, group, name, option_value(draw, draft.claims, name))


# -- steps and gradients ---------------------------------------------------------------

#: How a param gets its gradient; "keep" leaves the one that it has.
_Way = Literal["keep", "none", "zero", "dense", "sparse", "layout"]
_DENSE: tuple[_Way, ...] = ("dense",) * 4
_WAYS: tuple[_Way, ...] = ("keep", "none", "zero", *_DENSE, "sparse", "layout")


def _step(draw: st.DrawFn, draft: Draft) -> Event:
    optimizer = _optimizer(draw, draft)
    gradients = _gradients(draw, draft, optimizer)
    called, loss = whole(draw, 0, 7) == 7, whole(draw, -20, 20) / 4
    closure = called and "closure" in draft.claims
    return Step(optimizer, gradients, loss if closure else None)


def _gradients(
    draw: st.DrawFn, draft: Draft, optimizer: str, rows: bool = True
) -> dict[str, Gradient]:
    """Gradients of the optimizer's params; those that keep theirs are left out."""
    found: dict[str, Gradient] = {}
    for name in SLOTS:
        way, filled = one_of(draw, _WAYS), numbers(draw)
        if name not in draft.books.params(optimizer):
            continue
        if way not in _allowed(draft, optimizer, name, rows):
            way = "dense"
        if way != "keep":
            found[name] = _gradient(draw, draft, name, way, filled)
    return found


def _allowed(draft: Draft, optimizer: str, name: str, rows: bool) -> set[_Way]:
    like, claims = draft.tensors[name], draft.claims
    rows = rows and draft.takes_rows(optimizer, name)
    gone = draft.books.gradients[name] is None and "none-gradient" not in claims
    keeps = not gone and (rows or name not in draft.has_rows(optimizer))
    extra: dict[_Way, bool] = {
        "keep": keeps,
        "none": "none-gradient" in claims,
        "sparse": rows,
        "layout": "layout" in claims and not like.complex and bool(like.size),
    }
    return {"dense", "zero", *(way for way, allowed in extra.items() if allowed)}


def _gradient(
    draw: st.DrawFn, draft: Draft, name: str, way: _Way, filled: Numbers
) -> Gradient:
    like = draft.tensors[name]
    match way:
        case "none":
            return None
        case "dense":
            return dense(filled, like)
        case "zero":
            return zeros(like)
        case "sparse":
            return sparse(draw, like)
        case "layout":
            return laid_out(draw, dense(filled, like))
        case "keep":
            raise AssertionError("a gradient that is kept is not drawn")
        case _:
            assert_never(way)


def _many_steps(draw: st.DrawFn, draft: Draft) -> Event:
    optimizer = _optimizer(draw, draft, draft.all_stepped)
    count, sets = whole(draw, 1, _MOST_STEPS), whole(draw, 1, 2)
    cycle = [_gradients(draw, draft, optimizer, rows=False) for _ in range(sets)]
    return Steps(optimizer, tuple(cycle), count)


def _decayed_rows(draw: st.DrawFn, draft: Draft) -> Event:
    """A step with weight decay and a sparse gradient, which must be refused."""
    optimizer, name = _pick(draw, _decayed(draft))
    gradients = _gradients(draw, draft, optimizer)
    return Step(optimizer, {**gradients, name: sparse(draw, draft.tensors[name])})


def _decayed(draft: Draft) -> list[tuple[str, str]]:
    """(optimizer, param) where weight decay alone forbids a sparse gradient."""
    return [
        (optimizer, name)
        for optimizer in draft.optimizers
        for name in draft.books.params(optimizer)
        if draft.has_plain_rows(name) and draft.options(optimizer, name).weight_decay
    ]


def _zero_grad(draw: st.DrawFn, draft: Draft) -> Event:
    optimizer, to_none = _optimizer(draw, draft), coin(draw)
    return ZeroGrad(optimizer, to_none or not draft.can_zero(optimizer))


# -- state -----------------------------------------------------------------------------


def _read(draw: st.DrawFn, draft: Draft) -> Event:
    return Read(_optimizer(draw, draft))


def _save(draw: st.DrawFn, draft: Draft) -> Event:
    return Save(_optimizer(draw, draft), one_of(draw, _SAVES))


def _load(draw: st.DrawFn, draft: Draft) -> Event:
    drawn = tuple(one_of(draw, known) for known in (_NAMES, _SAVES, _LOAD_WAYS))
    loads = _loads(draft)
    optimizer, name, way = drawn if drawn in loads else loads[0]
    return Load(optimizer, name, cast(LoadWay, way))


_LOAD_WAYS = ("deepcopy", "bytes", "new-process", "same-object")


def _loads(draft: Draft) -> list[tuple[str, ...]]:
    return [
        (optimizer, name, way)
        for optimizer in draft.optimizers
        for name in draft.kept
        for way in draft.ways(optimizer, name)
    ]


def _set_state(draw: st.DrawFn, draft: Draft) -> Event:
    optimizer = _optimizer(draw, draft)
    name = _pick(draw, draft.books.params(optimizer))
    total = dense(numbers(draw), draft.tensors[name], positive=True)
    t = whole(draw, 1, _EARLY + 1)
    return SetState(optimizer, name, total, t if t <= _EARLY else _LATE)


# -- the table -------------------------------------------------------------------------


class Kind(NamedTuple):
    """How an event is drawn, the claims that it needs, and when it is possible."""

    event: Callable[[st.DrawFn, Draft], Event]
    claims: frozenset[str] = frozenset()
    when: Callable[[Draft], bool] = lambda draft: True


def _kind(
    event: Callable[[st.DrawFn, Draft], Event],
    *claims: str,
    when: Callable[[Draft], bool] = lambda draft: True,
) -> Kind:
    return Kind(event, frozenset(claims), when)


#: Every kind by name; strategy.py and machine.py draw some of them more often.
KINDS: Mapping[str, Kind] = {
    "step": _kind(_step),
    "make": _kind(_make),
    "set-option": _kind(_set_option, "set-option"),
    "add-group": _kind(
        _add_group, "add-group", when=lambda d: any(map(d.can_add_group, d.optimizers))
    ),
    "zero-grad": _kind(_zero_grad, "zero-grad"),
    "read": _kind(_read, "save"),
    "save": _kind(_save, "save"),
    "load": _kind(_load, "save", when=lambda d: bool(_loads(d))),
    "set-state": _kind(_set_state, "state-write"),
    "many-steps": _kind(
        _many_steps,
        "many-steps",
        "state",
        when=lambda d: any(map(d.all_stepped, d.optimizers)),
    ),
    "make-wrongly": _kind(_make_wrongly, "refusals"),
    "add-twice": _kind(_add_twice, "add-group", "refusals"),
    "decayed-rows": _kind(
        _decayed_rows,
        "sparse",
        "weight-decay",
        "refusals",
        when=lambda d: bool(_decayed(d)),
    ),
}


def possible(draft: Draft, name: str) -> bool:
    """Whether an event of that kind may be drawn now."""
    kind = KINDS[name]
    return not draft.over and kind.claims <= draft.claims and kind.when(draft)
