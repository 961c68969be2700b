"""Numbers chosen to separate wrong arithmetic from legal rounding."""

from __future__ import annotations

import math
from collections.abc import Iterator

from adagrad_reference.flags import Flag
from adagrad_reference.formats import BINARY64, Format
from adagrad_reference.scenario import Scenario, tensor

from .builders import FOUR_FORMATS, draw, rng, single_step, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "numerics"


def scenarios() -> Iterator[Scenario]:
    """Every kind of hard input, in every format."""
    for fmt in FOUR_FORMATS:
        yield from _ordinary(fmt)
        yield _large(fmt)
        if fmt.name != "binary16":
            yield from _extreme(fmt)
        yield from _zero_theta(fmt)
        yield from _large_lr(fmt)
        yield from _eps(fmt)
        yield from _cancellation(fmt)
        yield from _ties(fmt)


def _ordinary(fmt: Format) -> Iterator[Scenario]:
    for number in range(4):
        source = rng(f"numerics/ordinary-{number}/{fmt.name}")
        yield single_step(
            f"numerics/ordinary-{number + 1}/{fmt.name}",
            "numerics/ordinary",
            tensor(fmt, draw(source, 8, 0.05, 20.0)),
            tensor(fmt, draw(source, 8, 0.05, 20.0)),
            tensor(fmt, [abs(x) for x in draw(source, 8, 0.05, 50.0)]),
            source.choice((2, 5, 7)),
            lr=source.choice((0.7, 0.013, 3.7)),
            lr_decay=source.choice((0.3, 0.017)),
            weight_decay=source.choice((0.11, 0.0029)),
            eps=1.7e-3,
        )


def _large(fmt: Format) -> Scenario:
    top = 150.0 if fmt.name == "binary16" else 9e4
    source = rng(f"numerics/large-gradients/{fmt.name}")
    return single_step(
        f"numerics/large-gradients/{fmt.name}",
        "numerics/ordinary",
        tensor(fmt, draw(source, 8, 0.5, 50.0)),
        tensor(fmt, draw(source, 8, top / 10, top)),
        tensor(fmt, [abs(x) for x in draw(source, 8, top, top * top / 4)]),
        3,
        note="nothing is clipped, S does not saturate",
        lr=730.0,
        lr_decay=0.3,
        eps=1.7e-3,
    )


def _extreme(fmt: Format) -> Iterator[Scenario]:
    """Gradients near the ends of the format, whose squares stay inside it."""
    largest = 1e149 if fmt == BINARY64 else 1e17
    for word, top, lr in (
        ("huge", largest, 7.3e6),
        ("tiny", 1 / (10 * largest), 0.73),
    ):
        source = rng(f"numerics/{word}-gradients/{fmt.name}")
        yield single_step(
            f"numerics/{word}-gradients/{fmt.name}",
            "numerics/ordinary",
            tensor(fmt, draw(source, 6, lr / 10, lr * 10)),
            tensor(fmt, draw(source, 6, top, top * 5)),
            tensor(fmt, [abs(x) for x in draw(source, 6, top * top, top * top * 50)]),
            3,
            note="neither clipped nor taken for zero",
            lr=lr,
            lr_decay=0.3,
            eps=0.0,
        )


def _zero_theta(fmt: Format) -> Iterator[Scenario]:
    source = rng(f"numerics/zero-theta/{fmt.name}")
    for t, decay in ((1, 0.0), (3, 0.37)):
        yield single_step(
            f"numerics/zero-theta/step-{t}/{fmt.name}",
            ("numerics/zero-theta", "algorithm/update"),
            tensor(fmt, [0.0] * 8),
            tensor(fmt, draw(source, 8, 0.05, 20.0)),
            tensor(fmt, [abs(x) for x in draw(source, 8, 0.05, 50.0)]),
            t,
            lr_decay=decay,
            **usual_options(fmt),
        )


def _large_lr(fmt: Format) -> Iterator[Scenario]:
    source = rng(f"numerics/large-lr/{fmt.name}")
    for lr in (64.0, 63.7):
        yield single_step(
            f"numerics/large-lr/{lr}/{fmt.name}".replace(".", "-"),
            ("numerics/large-lr", "weight-decay/coupled"),
            tensor(fmt, draw(source, 8, 0.5, 8.0)),
            tensor(fmt, draw(source, 8, 0.05, 4.0)),
            tensor(fmt, [abs(x) for x in draw(source, 8, 0.5, 50.0)]),
            2,
            lr=lr,
            weight_decay=0.5,
            eps=1.7e-3,
        )


def _eps(fmt: Format) -> Iterator[Scenario]:
    values = (1e-3, 1e-10) if fmt.name != "binary16" else (1e-3,)
    for eps in values:
        source = rng(f"numerics/eps-{eps}/{fmt.name}")
        g = draw(source, 8, eps * 0.3, eps * 4.0)
        if fmt.name == "binary16":  # so that no square underflows
            g = draw(source, 8, 0.02, 0.09)
        yield single_step(
            f"numerics/gradient-near-eps/{eps:.0e}/{fmt.name}",
            ("numerics/eps", "algorithm/update"),
            tensor(fmt, [0.0] * 8),
            tensor(fmt, g),
            note="S = 0 and g of the size of eps: its place is seen at once",
            lr=0.7,
            eps=eps,
        )


def _cancellation(fmt: Format) -> Iterator[Scenario]:
    source = rng(f"numerics/cancellation/{fmt.name}")
    theta = tensor(fmt, draw(source, 6, 2.0, 32.0))
    gap = math.sqrt(fmt.unit_roundoff)  # at u itself the sum would be rounding alone
    near = [-0.37 * x * (1 + (2 * i - 5) * gap) for i, x in enumerate(theta.values())]
    yield single_step(
        f"numerics/gradient-near-decay/{fmt.name}",
        ("numerics/cancellation", "weight-decay/coupled"),
        theta,
        tensor(fmt, near),
        tensor(fmt, [abs(x) for x in draw(source, 6, 0.01, 0.1)]),
        2,
        flags=(Flag.CANCELLATION,),
        lr=63.7,
        weight_decay=0.37,
        eps=1.7e-3,
    )
    gradients = [fmt.nearest(x) for x in draw(source, 6, 0.5, 8.0)]
    sums = [fmt.nearest(abs(x)) for x in draw(source, 6, 0.5, 8.0)]
    update = [
        0.7 * g / (math.sqrt(s + g * g) + 1.7e-3)
        for g, s in zip(gradients, sums, strict=True)
    ]
    yield single_step(
        f"numerics/theta-near-update/{fmt.name}",
        "numerics/cancellation",
        tensor(fmt, update),
        tensor(fmt, gradients),
        tensor(fmt, sums),
        2,
        flags=(Flag.CANCELLATION,),
        lr=0.7,
        eps=1.7e-3,
    )


def _ties(fmt: Format) -> Iterator[Scenario]:
    half_ulp = fmt.unit_roundoff
    odd = 1 + 2 * half_ulp
    for word, update in (("half", 1.0), ("quarter", 0.5), ("three-quarters", 1.5)):
        yield single_step(
            f"numerics/{word}-of-an-ulp/{fmt.name}",
            "numerics/ties",
            tensor(fmt, [1.5, odd, -1.5, -odd, 1.5, -1.5]),
            tensor(fmt, [2.0, 2.0, 2.0, -2.0, -2.0, -2.0]),
            tensor(fmt, [12.0] * 6),
            2,
            note=f"sqrt(12 + 4) = 4: the update is lr / 2, exactly {word} of an ulp",
            flags=(Flag.TIE,) if word == "half" else (),
            lr=2 * update * half_ulp,
            eps=0.0,
        )
