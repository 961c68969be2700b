"""The scenario of each row of the covering array.

The param p has the features of the row.  Behind the constructor and a first step come
the row's earlier event, a step, the later event, and a step: at the last one all
features meet.  A second param of some size and the small ones of a crowd take part.

Rule 1.  The numbers depend on the row's number, its format and its draw alone.
Rule 2.  All numbers are ordinary (ordinary.py), so the whole family is MUST.
         `bench/covering.py` finds the draw for which they are.
Rule 3.  Nothing rests on what the document leaves open: a group added after a load
         names every option, the first value of a sum is the constructor's, and
         zero_grad(set_to_none=False) meets no None.
Rule 4.  The numbers of a tensor repeat with a prime period, which no block has.
"""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adagrad_conformance.checks.scenarios.builders import draw, rng, scenario
from adagrad_reference.flags import Flag
from adagrad_reference.formats import FORMATS
from adagrad_reference.options import Options
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
    SetOption,
    SetState,
    Sparse,
    Step,
    Tensor,
    ZeroGrad,
    tensor,
)

from .rows import Row, read_rows
from .shapes import layout_of, shape_of
from .space import OPTION_VALUES

__all__ = ["REQUIREMENT", "scenario_of", "scenarios"]

REQUIREMENT = "numerics/meetings"

_TAU = "initial_accumulator_value"
#: Options that a group may have of its own, by a MUST.
_OF_GROUPS = ("lr", "lr_decay", "weight_decay", "eps", "maximize")
#: After how many numbers a tensor repeats itself, and how many small params share.
_PERIOD, _PERIOD_16, _POOL = 97, 61, 211
#: The values of another constructor, which a load or `set_option` replaces.
_OTHERWISE: Mapping[str, float] = {
    "lr": 0.29,
    "lr_decay": 0.11,
    "weight_decay": 0.083,
    "eps": 0.037,
}
#: The least gradient: a small rate and a large sum must leave a normal number.
_LEAST = 0.6
#: The extents of the small params, in turn.
_SMALL = ((1,), (2,), (), (3,))
#: The most rows that a gradient brings.
_MOST_ROWS = 8
#: The step counter that a written state has.
_LATE, _LATE_16 = 1000, 5


@functools.cache
def _rows() -> tuple[Row, ...]:
    return tuple(read_rows())


def scenarios() -> Iterator[Scenario]:
    """The scenario of each row, in the order of the file."""
    return map(scenario_of, _rows())


def scenario_of(row: Row) -> Scenario:
    """The scenario of one row."""
    story = _Story(row)
    events = tuple(story.events())
    v = row.values
    words = [f"{k} {v[k]}" for k in v if v[k] not in _UNREMARKABLE.get(k, ())]
    note = ", ".join(word.replace("_", " ") for word in words)
    guarded = any(t.layout is not None for t in story.tensors.values())
    flags = (Flag.GUARDED,) if guarded else ()
    return scenario(row.id, REQUIREMENT, story.tensors, events, note, flags)


#: What the note of a scenario leaves out.
_UNREMARKABLE: Mapping[str, tuple[str, ...]] = {
    "format": tuple(FORMATS),
    "number": ("real",),
    "kind": ("dense",),
    "param-layout": ("contiguous",),
    "gradient-layout": ("contiguous",),
    "groups": ("1",),
    "params": ("1",),
    "source": ("constructor",),
    "lr": ("ordinary",),
    "lr_decay": ("zero",),
    "weight_decay": ("zero",),
    "eps": ("ordinary",),
    _TAU: ("zero",),
    "maximize": ("no",),
    "earlier": ("plain",),
    "later": ("plain",),
}


@dataclass
class _Given:
    """What a param is, and how its gradients come."""

    shape: tuple[int, ...]
    complex: bool = False
    kind: str = "dense"
    param_layout: str = "contiguous"
    gradient_layout: str = "contiguous"
    taken: int = 0  #: how many gradients it has had


@dataclass
class _Member:
    """A group as the optimizer has it: its params and its own options."""

    params: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)


class _Story:
    """Writes the params and the events of one row."""

    def __init__(self, row: Row) -> None:
        v = self.v = row.values
        self.fmt = FORMATS[v["format"]]
        self.turn = row.number
        self.plan = rng(f"{row.id}/plan")
        self.numbers = rng(f"{row.id}/{row.draw}")
        self.guard = self.fmt.encode(self.fmt.round_man_exp(-13, -2))  # -3.25
        self.period = _PERIOD_16 if self.fmt.width == 16 else _PERIOD
        self.given: dict[str, _Given] = {}
        self.options = self._options()
        self.pool = draw(self.numbers, _POOL, 0.5, 4.0)
        self.small_gradients = self._encoded(draw(self.numbers, _POOL, _LEAST, 3.0))
        self.small_thetas = self._encoded(self.pool)
        self.groups = self._groups()
        self.tensors = {name: self._theta(name, g) for name, g in self.given.items()}
        self.name = "A"
        self.begun = self.defaults = self._constructor()
        self.loaded = False
        self.loss: float | None = None
        self.made = 0

    def _encoded(self, values: Sequence[float]) -> tuple[int, ...]:
        return tensor(self.fmt, values).bits

    # -- options -------------------------------------------------------------------

    def _options(self) -> dict[str, float | bool]:
        """The options of the row; those at the document's default are left out."""
        found: dict[str, float | bool] = {}
        for name, classes in OPTION_VALUES.items():
            values = classes[self.v[name]]
            found[name] = values[self.turn % len(values)]
        found["maximize"] = self.v["maximize"] == "yes"
        return Options().override(found).changed()

    def _constructor(self) -> dict[str, Any]:
        """What the constructor gets; others replace it where the row says so."""
        if self.v["source"] == "constructor":
            return dict(self.options)
        return self._otherwise(self.options)

    def _otherwise(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Other values for each of the options, but the first value of the sum."""
        found = {k: _OTHERWISE.get(k, v) for k, v in options.items()}
        found.pop("maximize", None)
        if self._by_rows():
            found.pop("weight_decay", None)
        return found

    def _by_rows(self) -> bool:
        return self.v["kind"] != "dense"

    def _own(self) -> dict[str, Any]:
        """The options of p's group of its own."""
        if self.v["source"] != "group":
            return {}
        return {k: self.options[k] for k in _OF_GROUPS if k in self.options} or {
            "lr": Options.lr
        }

    # -- groups and params ---------------------------------------------------------

    def _groups(self) -> list[_Member]:
        """All groups of the last step, p's among them."""
        v = self.v
        size = shape_of(v["shape"], v["size"], self.turn)
        self.given["p"] = _Given(
            size,
            v["number"] == "complex",
            v["kind"],
            v["param-layout"],
            v["gradient-layout"],
        )
        mates = ["p", *(f"m{i}" for i in range(int(v["params"]) - 1))]
        self.plan.shuffle(mates)
        others = [f"g{i}" for i in range(int(v["groups"]) - 1)]
        crowd = [name for name in (*mates, *others) if name != "p"]
        for number, name in enumerate(crowd):
            self.given[name] = _Given(_SMALL[number % len(_SMALL)])
        if crowd:
            self.given[crowd[0]] = self._fellow()
        if "apart" in (v["earlier"], v["later"]):
            self.given["z"] = _Given((5,))
        self.mates = tuple(mates)
        self.others = [
            _Member((name,), self._of_another(i)) for i, name in enumerate(others)
        ]
        return self._begun()

    def _fellow(self) -> _Given:
        """A second param with features of its own."""
        pick = self.plan.choice
        shape = pick(("line", "sheet", "cube", "column", "row"))
        size = pick(("8", "16", "32", "64", "256"))
        if self.v["number"] == "complex":
            return _Given(shape_of(shape, size, self.turn), pick((True, False)))
        dense = self.v["weight_decay"] != "zero" or not self._by_rows()
        kind = "dense" if dense or "zeroed" in self._events() else self.v["kind"]
        flat = shape not in ("sheet", "cube")
        if not dense:
            return _Given(shape_of(shape, size, self.turn), kind=kind)
        places = ["contiguous", "strided", "offset", *([] if flat else ["transposed"])]
        if self.v["param-layout"] == self.v["gradient-layout"] == "contiguous":
            return _Given(shape_of(shape, size, self.turn))
        return _Given(
            shape_of(shape, size, self.turn),
            param_layout=pick(places),
            gradient_layout=pick([*places, "expanded"]),
        )

    def _events(self) -> tuple[str, str]:
        return self.v["earlier"], self.v["later"]

    def _of_another(self, number: int) -> dict[str, Any]:
        """The options of a group without p: every second one has some of its own."""
        own = {
            "lr": self.plan.choice((0.19, 0.53)),
            "maximize": True,
            "weight_decay": 0.13,
            "lr_decay": 0.9,
        }
        names = [n for n in own if n == "lr" or n in self.options]
        if self._by_rows() and "weight_decay" in names:
            names.remove("weight_decay")
        chosen = self.plan.sample(names, min(2, len(names)))
        return {name: own[name] for name in sorted(chosen)} if number % 2 else {}

    def _begun(self) -> list[_Member]:
        """The groups of the constructor; the last others wait for their event."""
        waiting = self._events().count("extended")
        self.waiting = [self.others.pop() for _ in range(waiting)]
        groups = list(self.others)
        if "joined" not in self._events():
            place = self.plan.randrange(len(groups) + 1)
            groups.insert(place, _Member(self.mates, self._own()))
        return groups

    def _inside(self) -> list[str]:
        return [name for group in self.groups for name in group.params]

    # -- tensors -------------------------------------------------------------------

    def _placed(self, given: _Given, bits: tuple[int, ...], layout: str) -> Tensor:
        place = layout_of(layout, given.shape, self.guard)
        return Tensor(self.fmt.name, given.shape, bits, given.complex, place)

    def _repeated(
        self, source: random.Random, count: int, low: float, high: float
    ) -> tuple[int, ...]:
        period = min(count, self.period)
        bits = self._encoded(draw(source, period, low, high))
        return (bits * (count // period + 1))[:count]

    def _theta(self, name: str, given: _Given) -> Tensor:
        count = math.prod(given.shape) * (2 if given.complex else 1)
        if count <= 3:
            bits = _slice(self.small_thetas, self._nth(name), count)
        else:
            bits = self._repeated(self.numbers, count, 0.5, 4.0)
        return self._placed(given, bits, given.param_layout)

    def _nth(self, name: str) -> int:
        return 3 * list(self.given).index(name)

    def _gradient(self, name: str) -> Tensor | Sparse:
        """The next gradient of a param."""
        given = self.given[name]
        given.taken += 1
        rows = given.kind in ("rows", "rows-twice")
        if rows or (given.kind == "in-turn" and given.taken % 2 == 0):
            return self._by_row(given)
        count = math.prod(given.shape) * (2 if given.complex else 1)
        if given.gradient_layout == "expanded":
            bits = self._expanded(given)
        elif count <= 3:
            start = self._nth(name) + 7 * given.taken
            bits = _slice(self.small_gradients, start, count)
        else:
            bits = self._repeated(self.numbers, count, _LEAST, 3.0)
        return self._placed(given, bits, given.gradient_layout)

    def _expanded(self, given: _Given) -> tuple[int, ...]:
        """Numbers that are the same along the first axis of more than one."""
        axis = next(i for i, extent in enumerate(given.shape) if extent > 1)
        inner = math.prod(given.shape[axis + 1 :])
        bits = self._repeated(self.numbers, inner, _LEAST, 3.0)
        return bits * given.shape[axis]

    def _by_row(self, given: _Given) -> Sparse:
        """Some rows, in any order; the sums of equal ones are exact."""
        height, width = given.shape[0], math.prod(given.shape[1:])
        count = min(height, max(1, height // 2), _MOST_ROWS)
        indices = self.numbers.sample(range(height), count)
        if height - 1 not in indices and given.taken % 2:
            indices[0] = height - 1
        if given.kind == "rows-twice":
            indices += indices[: max(1, count // 3)]
        eighths = [self.numbers.choice((-1, 1)) * k / 8 for k in range(3, 23)]
        signs = {index: self.numbers.choice((-1, 1)) for index in indices}
        values = [
            signs[index] * abs(eighths[self.numbers.randrange(len(eighths))])
            for index in indices
            for _ in range(width)
        ]
        rows = tensor(self.fmt, values, (len(indices), *given.shape[1:]))
        return Sparse(given.shape, tuple(indices), rows)

    def _zero(self, name: str) -> Tensor | Sparse:
        """A gradient of zeros, as the param's gradients come."""
        like = self._gradient(name)
        if isinstance(like, Sparse):
            return replace(like, values=_zeros(like.values))
        return _zeros(like)

    # -- events --------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        """The whole script."""
        groups = tuple(Group(g.params, dict(g.options)) for g in self.groups)
        if groups:
            yield New("A", groups, self.defaults)
            yield self._step()
        yield from self._set()
        huge = self.v["size"] == "65536"
        for name in self._events()[huge:]:  # what is huge has a plain past
            yield from self._event(name)
            yield self._step()

    def _set(self) -> Iterator[Event]:
        """Where the options are set: each that differs from the constructor's."""
        place = self._place()
        if self.v["source"] != "set" or place is None:
            return
        whole = Options().override(self.options)
        before = Options().override(self.defaults)
        for name in _OF_GROUPS:
            value = getattr(whole, name)
            if value != getattr(before, name):
                yield SetOption(self.name, place, name, value)
                self.groups[place].options[name] = value
        if whole == before:
            yield SetOption(self.name, place, "lr", whole.lr)

    def _place(self) -> int | None:
        """The number of p's group; None before it joins."""
        found = (i for i, group in enumerate(self.groups) if "p" in group.params)
        return next(found, None)

    def _step(self, **given: Gradient) -> Step:
        """A step with new gradients for all params inside, but for those given.

        In a crowd every fourth small param keeps the gradient that it has.
        """
        self.made += 1
        names = self._inside()
        few = len(names) < 8 or self.made < 2 or bool(self._unfed)
        gradients: dict[str, Gradient] = {
            name: self._gradient(name)
            for i, name in enumerate(names)
            if name not in given and (few or name == "p" or (i + self.made) % 4)
        }
        self._unfed.difference_update(gradients)
        loss, self.loss = self.loss, None
        return Step(self.name, {**gradients, **given}, loss)

    @functools.cached_property
    def _unfed(self) -> set[str]:
        """Params that have no gradient now."""
        return set(self.given)

    def _event(self, name: str) -> Iterator[Event]:
        """The events of one value of the history."""
        match name:
            case "plain":
                return
            case "none":
                yield self._step(p=None)
                self._unfed.add("p")
            case "zero":
                yield self._step(p=self._zero("p"))
            case "zeroed" | "freed":
                yield ZeroGrad(self.name, name == "freed")
                if name == "freed":
                    self._unfed.update(self._inside())
            case "closure":
                self.loss = 2.75
            case "changed":
                yield from self._changed()
            case "joined" | "extended":
                yield from self._added(name == "joined")
            case "shared":
                yield from self._elsewhere("p")
            case "apart":
                yield from self._elsewhere("z")
            case "written":
                late = _LATE_16 if self.fmt.name == "binary16" else _LATE
                yield SetState(self.name, "p", self._sum(), late)
            case _:
                yield from self._load(name)

    def _changed(self) -> Iterator[Event]:
        """An option of p's group, or of the first, is changed, and changed back."""
        if self.v["source"] == "set" and self.v["earlier"] == "changed":
            yield self._step()  # a step with what was set, before it changes
        place, now = self._place(), Options().override(self.options)
        if place is None:
            place, first = 0, self.groups[0]
            now = Options().override({**self.begun, **first.options})
        options = [n for n in ("lr", "eps", "lr_decay") if n in self.options]
        name = self.plan.choice(options or ["lr"])
        yield SetOption(self.name, place, name, 2 * getattr(now, name) or 0.43)
        yield self._step()
        yield SetOption(self.name, place, name, getattr(now, name))

    def _added(self, joins: bool) -> Iterator[Event]:
        member = _Member(self.mates, self._own()) if joins else self.waiting.pop()
        if self.loaded:
            options = self.defaults if self.v["source"] == "set" else self.options
            base = options if joins else self.defaults
            whole = vars(Options().override({**base, **member.options}))
            member.options = {name: whole[name] for name in _OF_GROUPS}
        yield AddGroup(self.name, Group(member.params, dict(member.options)))
        self.groups.append(member)
        self._unfed.update(member.params)
        if joins:
            yield from self._set()

    def _elsewhere(self, param: str) -> Iterator[Event]:
        """Another optimizer takes a step."""
        other = f"{param.upper()}{self.made}"
        own = {"lr": 0.37, "eps": 0.019}
        yield New(other, (Group((param,)),), own)
        yield Step(other, {param: self._gradient(param)})

    def _sum(self) -> Tensor:
        """A positive sum for p, like it in extents."""
        like = self.tensors["p"]
        values = [abs(x) for x in draw(self.numbers, self.period, 1.5, 9.0)]
        bits = self._encoded(values) * (len(like.bits) // self.period + 1)
        shown = bits[: len(like.bits)]
        return Tensor(like.format, like.shape, shown, like.complex)

    def _load(self, name: str) -> Iterator[Event]:
        kept = f"s{self.made}"
        yield Save(self.name, kept)
        way: LoadWay = "deepcopy"
        match name:
            case "same-object":
                way = "same-object"
            case "reloaded":
                yield self._step()
            case "fresh-deepcopy" | "fresh-bytes":
                way = "bytes" if name == "fresh-bytes" else "deepcopy"
                self.name = f"{self.name}n"
                groups = tuple(
                    Group(g.params, self._otherwise(g.options)) for g in self.groups
                )
                self.defaults = self._otherwise(self.defaults)
                yield New(self.name, groups, self.defaults)
            case _:
                raise ValueError(f"no event is called {name}")
        yield Load(self.name, kept, way)
        self.loaded = True


def _slice(bits: tuple[int, ...], start: int, count: int) -> tuple[int, ...]:
    start %= len(bits) - count
    return bits[start : start + count]


def _zeros(like: Tensor) -> Tensor:
    return replace(like, bits=(0,) * len(like.bits))
