"""Random scenarios from a seed, which no file contains.

Each run plays some, so that a port cannot pass by looking results up.

Rule 1.  All numbers are ordinary (no over- or underflow), so the whole family is MUST.
Rule 2.  Nothing rests on what the document leaves open: a group added after a load
         names every option, since its defaults are unspecified, and
         zero_grad(set_to_none=False) meets no None, which may become zeros.
Rule 3.  For a port that claims less a scenario is drawn anew, with what the port claims
         and at the values that it fixes.

`adagrad-conformance explore` draws more freely, and shrinks what it finds.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adagrad_conformance.adapters.claims import PLAIN_CLAIMS, with_implied
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.formats import BINARY16, FORMATS, Format
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    LoadWay,
    New,
    OptionValues,
    Save,
    Scenario,
    SetOption,
    Step,
    Tensor,
    ZeroGrad,
    tensor,
)

from .builders import FOUR_FORMATS, draw
from .ordinary import SMALLEST_EPS_16, is_ordinary

__all__ = ["FAMILY", "REQUIREMENT", "Drawn", "Language", "fresh_scenarios"]

FAMILY = "fresh"
REQUIREMENT = "numerics/fresh"  #: of everything that is drawn at random
#: The ways of loading that are drawn.
_WAYS: tuple[LoadWay, ...] = ("deepcopy", "bytes")
_SHAPES = ((1,), (3,), (2, 2), (5,), (17,), (), (3, 1, 2))


@dataclass(frozen=True)
class Language:
    """What a port can be asked: its claims, and the options that it fixes."""

    claims: frozenset[str] = PLAIN_CLAIMS
    constants: Mapping[str, float] = field(default_factory=dict)

    def options(self, options: OptionValues) -> dict[str, Any]:
        """The options that may be named; fixed ones at the port's values."""
        named = {
            name: value
            for name, value in options.items()
            if name == "lr" or name.replace("_", "-") in self.claims
        }
        return {**named, **{k: v for k, v in self.constants.items() if v}}

    def has(self, *claims: str) -> bool:
        """Whether the port makes all these claims."""
        return self.claims.issuperset(claims)


@dataclass(frozen=True)
class Drawn(Scenario):
    """A random scenario, which can be drawn again in a narrower language."""

    seed: int = 0
    number: int | None = 0  #: None for the large one of a format

    def within(
        self, claims: frozenset[str], constants: Mapping[str, float]
    ) -> Drawn | None:
        """The scenario for a port with these claims and fixed options.

        None where the port lacks the format, or its numbers are not ordinary.
        """
        (name,) = self.formats
        if name not in claims:
            return None
        if claims >= PLAIN_CLAIMS and not constants:
            return self
        if name == BINARY16.name and constants.get("eps", 1.0) < SMALLEST_EPS_16:
            return None
        language = Language(with_implied(claims), constants)
        return _drawn(FORMATS[name], self.seed, self.number, language)


def fresh_scenarios(seed: int, per_format: int = 6) -> Iterator[Drawn]:
    """`per_format` scenarios and a large one in each format, the same for one seed.

    None at all for `per_format` 0.
    """
    for fmt in FOUR_FORMATS:
        for number in (*range(per_format), *([None] if per_format else [])):
            drawn = _drawn(fmt, seed, number, Language())
            assert drawn is not None
            yield drawn


#: The most scenarios that are drawn until one is ordinary.
_DRAWS = 1000


def _drawn(
    fmt: Format, seed: int, number: int | None, language: Language
) -> Drawn | None:
    """The first scenario drawn that is ordinary: many in binary16 are not."""
    word = "large" if number is None else str(number)
    source = random.Random(f"fresh/{seed}/{fmt.name}/{word}")
    writer = _Writer(fmt, source, language)
    for _ in range(_DRAWS):
        tensors, events = writer.write() if number is not None else _large(writer)
        path = f"fresh/{seed}-{word}/{fmt.name}"
        level = REQUIREMENTS[REQUIREMENT].level
        drawn = Drawn(
            path, (REQUIREMENT,), level, tensors, events, seed=seed, number=number
        )
        if number is None or is_ordinary(drawn):
            return drawn
    return None


def _large(writer: _Writer) -> tuple[Mapping[str, Tensor], tuple[Event, ...]]:
    """One step of some thousand elements, too many for a file.

    In binary16 no sum cancels, since its result could be subnormal.
    """
    fmt, source = writer.fmt, writer.source
    size = source.randrange(4097, 4300)
    narrow = fmt == BINARY16
    theta = draw(source, size, 0.9 if narrow else 0.05, 20.0)
    gradients = draw(source, size, 0.05, 20.0)
    if narrow:
        gradients = [math.copysign(g, x) for g, x in zip(gradients, theta, strict=True)]
    params, gradient = {"p": tensor(fmt, theta)}, tensor(fmt, gradients)
    options = {"lr": 0.7, "eps": 1.7e-3, "weight_decay": 0.047}
    named = writer.language.options(options)
    return params, (New("A", (Group(("p",)),), named), Step("A", {"p": gradient}))


@dataclass
class _Writer:
    fmt: Format
    source: random.Random
    language: Language

    def write(self) -> tuple[Mapping[str, Tensor], tuple[Event, ...]]:
        can = self.language.has
        count = self.source.choice((1, 2, 3)) if not can("one-param") else 1
        shapes = self.source.sample(_SHAPES, count)
        self.params = {
            name: self._tensor(shape, 0.05, 20.0)
            for name, shape in zip("pqr", shapes, strict=False)
        }
        names = list(self.params)
        later = count == 3 and self.source.random() < 0.5 and can("add-group", "groups")
        self.late = names.pop() if later and can("none-gradient") else None
        self.inside, self.loaded = list(names), False
        self.gradients: dict[str, Gradient] = {}
        groups = [Group(tuple(names))]
        if len(names) > 1 and self.source.random() < 0.5 and can("groups"):
            groups = [Group((name,), self._few_options()) for name in names]
        self.groups = len(groups)
        options = self._options()
        self.tau = options.get("initial_accumulator_value", 0.0)
        events: list[Event] = [New("A", tuple(groups), options)]
        for _ in range(self.source.choice((3, 4, 5))):
            events += self._between()
            events.append(self._step())
        return self.params, tuple(events)

    def _options(self) -> dict[str, Any]:
        """Options that differ from their defaults."""
        pick = self.source.choice
        options = {
            "lr": pick((0.013, 0.7, 3.3, 63.7)),
            "lr_decay": pick((0.0, 0.0, 0.017, 1.3)),
            "weight_decay": pick((0.0, 0.0, 0.0043, 0.47)),
            "eps": pick((1.7e-3, 0.21)),
            "initial_accumulator_value": pick((0.0, 0.0, 0.83)),
            "maximize": pick((False, False, True)),
        }
        return self.language.options(Options().override(options).changed())

    def _few_options(self) -> dict[str, Any]:
        chosen = self._options()
        chosen.pop("initial_accumulator_value", None)  # for groups it is a SHOULD
        for name in self.language.constants:
            chosen.pop(name, None)
        pairs = sorted(chosen.items())
        return dict(self.source.sample(pairs, min(2, len(pairs))))

    def _group_options(self) -> dict[str, Any]:
        """Options of an added group; after a load it names all of them."""
        few = self._few_options()
        if not self.loaded:
            return few
        whole = vars(Options(eps=0.21).override(few)).copy()
        whole.pop("initial_accumulator_value")
        return self.language.options(whole)

    def _between(self) -> Iterator[Event]:
        dice, can = self.source.random(), self.language.has
        if dice < 0.15:
            few = sorted(self._few_options().items())
            if few and can("set-option"):
                name, value = self.source.choice(few)
                yield SetOption("A", self.source.randrange(self.groups), name, value)
        elif dice < 0.25:
            if can("zero-grad", "none-gradient"):
                yield self._zero_grad()
        elif dice < 0.4:
            ways = [w for w in _WAYS if can("save", f"load-{w}")]
            if ways:
                yield Save("A", "s")
                yield Load("A", "s", self.source.choice(ways))
                self.loaded = True
        elif dice < 0.55 and self.late and not (self.loaded and self.tau):
            yield AddGroup("A", Group((self.late,), self._group_options()))
            self.inside.append(self.late)
            self.groups, self.late = self.groups + 1, None

    def _zero_grad(self) -> ZeroGrad:
        whole = all(self.gradients.get(name) for name in self.inside)
        to_none = self.source.random() < 0.5 or not whole
        for name in self.inside if to_none else ():
            self.gradients[name] = None
        return ZeroGrad("A", to_none)

    def _step(self) -> Step:
        gradients: dict[str, Gradient] = {}
        can = self.language.has
        for name, like in self.params.items():
            dice = self.source.random()
            if not can("none-gradient"):
                dice = max(dice, 0.15) % 0.95
            if dice < 0.15 and can("none-gradient"):
                gradients[name] = None
            elif dice < 0.3:
                gradients[name] = tensor(self.fmt, [0.0] * like.size, like.shape)
            elif dice < 0.95:
                gradients[name] = self._tensor(like.shape, 0.05, 20.0)
        self.gradients.update(gradients)
        loss = 2.75 if self.source.random() < 0.15 and can("closure") else None
        return Step("A", gradients, loss)

    def _tensor(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        size = Tensor(self.fmt.name, shape, ()).size
        return tensor(self.fmt, draw(self.source, size, low, high), shape)
