"""Complex params are pairs of reals: in g, in S, with every option."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from adagrad_reference.formats import BINARY32, BINARY64, Format
from adagrad_reference.scenario import (
    Gradient,
    Group,
    Load,
    New,
    Save,
    Scenario,
    Sparse,
    Step,
    Tensor,
    tensor,
)

from .builders import draw, optimizer, rng, scenario, steps, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "complex"

_PAIRS = "complex/pairs"


def scenarios() -> Iterator[Scenario]:
    """Dense and sparse gradients in binary64 and binary32, the formats of complex."""
    for fmt in (BINARY64, BINARY32):
        yield _three_and_four(fmt)
        yield _one_part(fmt)
        yield _trajectory(fmt)
        yield _decay(fmt, maximize=False)
        yield _decay(fmt, maximize=True)
        yield _save_load(fmt)
        yield _sparse(fmt)


def _pairs(
    fmt: Format, values: Sequence[complex], shape: tuple[int, ...] | None = None
) -> Tensor:
    parts = [part for value in values for part in (value.real, value.imag)]
    shape = (len(values),) if shape is None else shape
    return replace(tensor(fmt, parts), shape=shape, complex=True)


def _drawn(like: Tensor, name: str) -> Tensor:
    parts = draw(rng(f"complex/{name}/{like.format}"), len(like.bits), 0.2, 3.0)
    return replace(like, bits=tensor(like.fmt, parts).bits)


def _three_and_four(fmt: Format) -> Scenario:
    z = _pairs(fmt, [1.3 - 0.7j], ())
    return scenario(
        f"complex/three-and-four/{fmt.name}",
        (_PAIRS, "algorithm/accumulator"),
        {"z": z},
        [
            optimizer("z", lr=0.7, eps=0.43),
            Step("A", {"z": _pairs(fmt, [3 + 4j], ())}),
        ],
        note="S is 9 and 16; neither 25, which is |g|^2, nor -7 and 24, which is g^2",
    )


def _one_part(fmt: Format) -> Scenario:
    z = _pairs(fmt, [0.9 - 1.7j, 2.2 + 0.6j])
    return scenario(
        f"complex/one-part/{fmt.name}",
        (_PAIRS, "algorithm/initial-accumulator"),
        {"z": z},
        [
            optimizer("z", initial_accumulator_value=0.83, **usual_options(fmt)),
            Step("A", {"z": _pairs(fmt, [0.6 + 0j, -2.3j])}),
        ],
        note="both parts of S start at tau; the part without a gradient stays",
    )


def _trajectory(fmt: Format) -> Scenario:
    z = _pairs(fmt, [0.9 - 1.7j, 2.2 + 0.6j], (1, 2))
    w = _pairs(fmt, [-1.1 - 0.5j], ())
    r = tensor(fmt, [0.8])
    gradients: list[dict[str, Gradient]] = [
        {"z": _drawn(z, "z1"), "w": None, "r": tensor(fmt, [-1.6])},
        {"z": _drawn(z, "z2"), "w": _drawn(w, "w2"), "r": None},
    ]
    options = {**usual_options(fmt), "lr_decay": 0.7}
    return scenario(
        f"complex/trajectory/{fmt.name}",
        (_PAIRS, "lr-decay/own-counter", "none-vs-zero/none-skips"),
        {"z": z, "w": w, "r": r},
        [optimizer("zwr", **options), *steps(gradients)],
        note="r is real",
    )


def _decay(fmt: Format, maximize: bool) -> Scenario:
    z = _pairs(fmt, [0.9 - 1.7j, 2.2 + 0.6j])
    name = "ascends" if maximize else "weight-decay"
    gradients = [{"z": _drawn(z, f"{name}{i}")} for i in (1, 2)]
    more = ("maximize/before-weight-decay",) if maximize else ()
    return scenario(
        f"complex/{name}/{fmt.name}",
        (_PAIRS, "weight-decay/coupled", *more),
        {"z": z},
        [
            optimizer("z", weight_decay=0.53, maximize=maximize, lr=0.7, eps=0.43),
            *steps(gradients),
        ],
    )


def _save_load(fmt: Format) -> Scenario:
    z = _pairs(fmt, [0.9 - 1.7j])
    return scenario(
        f"complex/save-load/{fmt.name}",
        (_PAIRS, "state-dict/bytes"),
        {"z": z},
        [
            optimizer("z", **usual_options(fmt)),
            Step("A", {"z": _drawn(z, "saved1")}),
            Save("A", "checkpoint"),
            New("B", (Group(("z",)),), {"lr": 0.011, "eps": 2.3e-3}),
            Load("B", "checkpoint", "bytes"),
            Step("B", {"z": _drawn(z, "saved2")}),
        ],
    )


def _sparse(fmt: Format) -> Scenario:
    z = _pairs(fmt, [0.9 - 1.7j, 2.2 + 0.6j, -0.4 + 1.3j])

    def rows(indices: tuple[int, ...], values: Sequence[complex]) -> Sparse:
        return Sparse(z.shape, indices, _pairs(fmt, values))

    gradients = [
        {"z": rows((2, 0), [3 + 4j, -0.7 + 0.3j])},
        {"z": rows((2, 1, 2), [1.25 - 0.5j, 0.6 + 2.3j, 1.5 + 2.75j])},
    ]
    options = {**usual_options(fmt), "lr_decay": 0.7, "initial_accumulator_value": 0.3}
    return scenario(
        f"complex/sparse/{fmt.name}",
        ("complex/sparse", "sparse/duplicates-summed"),
        {"z": z},
        [optimizer("z", **options), *steps(gradients)],
        note="rows are squared part by part, duplicates after they were summed",
    )
