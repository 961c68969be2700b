"""Random scenarios from a seed, which no file contains.

Each run plays some, so that a port cannot pass by looking results up.

Rule 1.  All numbers are ordinary (no over- or underflow), so the whole family is MUST.
Rule 2.  Nothing rests on what the document leaves open: a group added after a load
         names every option, since its defaults are unspecified, and
         zero_grad(set_to_none=False) meets no None, which may become zeros.

`adagrad-conformance explore` draws more freely, and shrinks what it finds.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adagrad_reference.formats import BINARY16, Format
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetOption,
    Step,
    Tensor,
    ZeroGrad,
    tensor,
)

from .builders import FOUR_FORMATS, draw, scenario
from .ordinary import is_ordinary

__all__ = ["FAMILY", "REQUIREMENT", "fresh_scenarios"]

FAMILY = "fresh"
REQUIREMENT = "numerics/fresh"  #: of everything that is drawn at random
_SHAPES = ((1,), (3,), (2, 2), (5,), (17,), (), (3, 1, 2))


def fresh_scenarios(seed: int, per_format: int = 6) -> Iterator[Scenario]:
    """`per_format` scenarios and a large one in each format, the same for one seed.

    None at all for `per_format` 0.
    """
    for fmt in FOUR_FORMATS:
        for number in range(per_format):
            source = random.Random(f"fresh/{seed}/{fmt.name}/{number}")
            yield _ordinary(_Writer(fmt, source), f"fresh/{seed}-{number}/{fmt.name}")
        if per_format:
            yield _large(fmt, seed)


def _ordinary(writer: _Writer, path: str) -> Scenario:
    """The first written scenario that is ordinary: many in binary16 are not."""
    while not is_ordinary(written := writer.write(path)):
        pass
    return written


def _large(fmt: Format, seed: int) -> Scenario:
    """One step of some thousand elements, too many for a file.

    In binary16 no sum cancels, since its result could be subnormal.
    """
    source = random.Random(f"fresh/{seed}/{fmt.name}/large")
    size = source.randrange(4097, 4300)
    narrow = fmt == BINARY16
    theta = draw(source, size, 0.9 if narrow else 0.05, 20.0)
    gradients = draw(source, size, 0.05, 20.0)
    if narrow:
        gradients = [math.copysign(g, x) for g, x in zip(gradients, theta, strict=True)]
    params, gradient = {"p": tensor(fmt, theta)}, tensor(fmt, gradients)
    events = (
        New("A", (Group(("p",)),), {"lr": 0.7, "eps": 1.7e-3, "weight_decay": 0.047}),
        Step("A", {"p": gradient}),
    )
    return scenario(f"fresh/{seed}-large/{fmt.name}", REQUIREMENT, params, events)


@dataclass
class _Writer:
    fmt: Format
    source: random.Random

    def write(self, path: str) -> Scenario:
        count = self.source.choice((1, 2, 3))
        shapes = self.source.sample(_SHAPES, count)
        self.params = {
            name: self._tensor(shape, 0.05, 20.0)
            for name, shape in zip("pqr", shapes, strict=False)
        }
        names = list(self.params)
        self.late = names.pop() if count == 3 and self.source.random() < 0.5 else None
        self.inside, self.loaded = list(names), False
        self.gradients: dict[str, Gradient] = {}
        groups = [Group(tuple(names))]
        if len(names) > 1 and self.source.random() < 0.5:
            groups = [Group((name,), self._few_options()) for name in names]
        self.groups = len(groups)
        options = self._options()
        self.tau = options.get("initial_accumulator_value", 0.0)
        events: list[Event] = [New("A", tuple(groups), options)]
        for _ in range(self.source.choice((3, 4, 5))):
            events += self._between()
            events.append(self._step())
        return scenario(path, REQUIREMENT, self.params, events)

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
        return Options().override(options).changed()

    def _few_options(self) -> dict[str, Any]:
        chosen = self._options()
        chosen.pop("initial_accumulator_value", None)  # for groups it is a SHOULD
        pairs = sorted(chosen.items())
        return dict(self.source.sample(pairs, min(2, len(pairs))))

    def _group_options(self) -> dict[str, Any]:
        """Options of an added group; after a load it names all of them."""
        few = self._few_options()
        if not self.loaded:
            return few
        whole = vars(Options(eps=0.21).override(few)).copy()
        whole.pop("initial_accumulator_value")
        return whole

    def _between(self) -> Iterator[Event]:
        dice = self.source.random()
        if dice < 0.15:
            name, value = self.source.choice(sorted(self._few_options().items()))
            yield SetOption("A", self.source.randrange(self.groups), name, value)
        elif dice < 0.25:
            yield self._zero_grad()
        elif dice < 0.4:
            yield Save("A", "s")
            yield Load("A", "s", self.source.choice(("deepcopy", "bytes")))
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
        for name, like in self.params.items():
            dice = self.source.random()
            if dice < 0.15:
                gradients[name] = None
            elif dice < 0.3:
                gradients[name] = tensor(self.fmt, [0.0] * like.size, like.shape)
            elif dice < 0.95:
                gradients[name] = self._tensor(like.shape, 0.05, 20.0)
        self.gradients.update(gradients)
        loss = 2.75 if self.source.random() < 0.15 else None
        return Step("A", gradients, loss)

    def _tensor(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        size = Tensor(self.fmt.name, shape, ()).size
        return tensor(self.fmt, draw(self.source, size, low, high), shape)
