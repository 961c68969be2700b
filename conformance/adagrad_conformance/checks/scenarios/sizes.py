"""Every size from 0 to 67, some shapes, and some params of up to 100,003 elements.

The small sizes are the lanes of vectors of 2 to 64 numbers, one less and one more, and
their double and triple.  The large ones are powers of two, some sizes between them, and
in one format more than 100,000.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from adagrad_reference.formats import BINARY32, Format
from adagrad_reference.scenario import (
    Gradient,
    Group,
    New,
    Scenario,
    Step,
    Tensor,
    tensor,
)

from .builders import FOUR_FORMATS, draw, optimizer, rng, scenario, steps, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "sizes"

SIZES = range(68)
SHAPES = ((3, 67), (259,), (17, 16), (2, 1, 3, 1, 2), (1, 1, 1, 1, 1, 1), (2, 0, 5))
MIDDLE, LARGE, LARGEST = 4_201, 12_007, 100_003
#: Powers of two and sizes between them; the formats take turns.
BETWEEN = (128, 387, 256, 1_003, 512, 1_531, 1_024, 2_477, 2_048, 3_301, 4_096)


def scenarios() -> Iterator[Scenario]:
    """For each format all small sizes in one optimizer, then the large sizes."""
    for fmt in FOUR_FORMATS:
        yield _all_sizes(fmt)
    for fmt in FOUR_FORMATS:
        yield _large(fmt, LARGEST if fmt == BINARY32 else LARGE)


def _all_sizes(fmt: Format) -> Scenario:
    source = rng(f"sizes/{fmt.name}")
    shapes: dict[str, tuple[int, ...]] = {f"p{size}": (size,) for size in SIZES}
    shapes |= {f"shape{number}": shape for number, shape in enumerate(SHAPES)}

    def drawn(low: float, high: float, zeros: float = 0) -> dict[str, Tensor]:
        """A tensor for each shape; the share `zeros` of its numbers is 0."""
        return {
            name: tensor(
                fmt,
                [
                    0.0 if source.random() < zeros else x
                    for x in draw(source, math.prod(shape), low, high)
                ],
                shape,
            )
            for name, shape in shapes.items()
        }

    params = drawn(0.3, 2.5)
    # larger than any decay term, so that their sum is not tiny
    gradients = [drawn(0.8, 3.0, zeros=0.2), drawn(0.8, 3.0)]
    names = list(params)
    own = {"weight_decay": 0.23, "maximize": True}
    groups = (Group(tuple(names[::2])), Group(tuple(names[1::2]), own))
    options = {**usual_options(fmt), "lr_decay": 0.7}
    return scenario(
        f"sizes/all/{fmt.name}",
        ("layout/any-size", "special-values/zero-on-zero"),
        params,
        [New("A", groups, options), *steps(gradients)],
        note="a fifth of the first gradients are zeros; two groups take turns",
    )


def _large(fmt: Format, size: int) -> Scenario:
    """Drawn numbers, which each tensor repeats with a prime period of its own."""
    source = rng(f"sizes/large/{fmt.name}")
    sizes = {"p": size, "q": MIDDLE} | {f"r{n}": n for n in BETWEEN}

    def drawn(period: int) -> dict[str, Gradient]:
        return {name: _repeated(fmt, source, period, n) for name, n in sizes.items()}

    options = {**usual_options(fmt), "weight_decay": 0.23}
    params = {name: _repeated(fmt, source, 997, n) for name, n in sizes.items()}
    return scenario(
        f"sizes/large/{fmt.name}",
        "layout/any-size",
        params,
        [
            optimizer(params, **options),
            Step("A", drawn(1009)),
            Step("A", {**drawn(1013), "p": None}),
        ],
        note=f"behind it params of {MIDDLE} elements and fewer, which step twice",
    )


def _repeated(fmt: Format, source: random.Random, period: int, size: int) -> Tensor:
    bits = tensor(fmt, draw(source, period, 0.8, 3.0)).bits
    return Tensor(fmt.name, (size,), (bits * (size // period + 1))[:size])
