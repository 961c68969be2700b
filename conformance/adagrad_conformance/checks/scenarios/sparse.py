"""Sparse gradients: rows, duplicates, absent rows, no rows, and refusals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adagrad_reference.flags import Flag
from adagrad_reference.formats import BFLOAT16, BINARY32, BINARY64, Format
from adagrad_reference.scenario import (
    Gradient,
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetOption,
    Sparse,
    Step,
    Tensor,
    ZeroGrad,
    tensor,
)

from .builders import FOUR_FORMATS, draw, optimizer, rng, scenario, steps, usual_options

__all__ = ["FAMILY", "scenarios"]

FAMILY = "sparse"


def scenarios() -> Iterator[Scenario]:
    """Each rule of sparse gradients, alone and with other options, in every format."""
    for fmt in FOUR_FORMATS:
        yield _with_neighbours(fmt)
        yield _ascends(fmt)
        yield _duplicates(fmt)
        yield _absent_rows(fmt)
        yield _empty(fmt)
        yield _weight_decay(fmt)
    for fmt in (BINARY32, BFLOAT16):
        yield _refusal(fmt)
        yield _decay_elsewhere(fmt)
    yield _save_load(BINARY32)
    yield _zero_grad(BINARY32)
    yield _mixed()


def _rows(
    like: Tensor, indices: Sequence[int], values: Sequence[float] | str
) -> Sparse:
    """Rows of a param; `values` are numbers, or the name of the generator of them."""
    shape = (len(indices), *like.shape[1:])
    if isinstance(values, str):
        width = like.size // like.shape[0]
        source = rng(f"sparse/{values}/{like.format}")
        values = draw(source, len(indices) * width, 0.2, 3.0)
    return Sparse(like.shape, tuple(indices), tensor(like.fmt, values, shape))


def _drawn(like: Tensor, name: str) -> Tensor:
    values = draw(rng(f"sparse/{name}/{like.format}"), like.size, 0.2, 3.0)
    return tensor(like.fmt, values, like.shape)


def _with_neighbours(fmt: Format) -> Scenario:
    e = tensor(fmt, [0.9, -1.7, 2.2], (3, 1))
    c = tensor(fmt, [1.1, -2.3, 0.7, -0.5], (2, 1, 2))
    d = tensor(fmt, [0.8, -1.9])
    gradients: list[dict[str, Gradient]] = [
        {"e": _rows(e, (2, 0), "e1"), "c": _rows(c, (1,), "c1"), "d": _drawn(d, "d1")},
        {"e": None, "c": _rows(c, (1, 0), "c2"), "d": None},
        {"e": _rows(e, (1, 2), "e3"), "c": None, "d": _drawn(d, "d3")},
    ]
    options = {**usual_options(fmt), "lr_decay": 0.7, "initial_accumulator_value": 0.3}
    return scenario(
        f"sparse/with-neighbours/{fmt.name}",
        ("sparse/update", "lr-decay/own-counter", "none-vs-zero/none-skips"),
        {"e": e, "c": c, "d": d},
        [optimizer("ecd", **options), *steps(gradients)],
        note="rows out of order, in two and three dimensions; d is dense",
    )


def _ascends(fmt: Format) -> Scenario:
    e = tensor(fmt, [1.4, -0.6, 2.1])
    gradients = [{"e": _rows(e, (2, 0), "up1")}, {"e": _rows(e, (0,), "up2")}]
    return scenario(
        f"sparse/ascends/{fmt.name}",
        ("sparse/update", "maximize/sign"),
        {"e": e},
        [
            optimizer("e", maximize=True, weight_decay=0.0, lr=0.7, eps=0.43),
            *steps(gradients),
        ],
    )


def _duplicates(fmt: Format) -> Scenario:
    v = tensor(fmt, [0.9, -1.7, 2.2])
    e = tensor(fmt, [0.6, -0.4, 1.3, -2.3], (2, 2))
    twice = [1.25, 0.75, 2.5]
    cancelling = [0.5, -3.0, 1.75, 0.25, 0.5, 2.75]
    apart = [-1.5, 0.625, 0.375, 1.75, -0.625, -2.5]
    gradients = [
        {"v": _rows(v, (1, 0, 1), twice), "e": _rows(e, (1, 1, 1), cancelling)},
        {"v": _rows(v, (2, 2), [-1.75, 0.5]), "e": _rows(e, (1, 0, 1), apart)},
    ]
    options = {**usual_options(fmt), "initial_accumulator_value": 0.3}
    return scenario(
        f"sparse/duplicates/{fmt.name}",
        ("sparse/duplicates-summed", "sparse/update"),
        {"v": v, "e": e},
        [optimizer("ve", **options), *steps(gradients)],
        note="every sum is exact in the format, in any order; one of them is zero",
    )


def _absent_rows(fmt: Format) -> Scenario:
    v = tensor(fmt, [0.9, -1.7, 2.2])
    gradients = [{"v": _rows(v, (row,), f"v{i}")} for i, row in enumerate((0, 2, 0))]
    options = {**usual_options(fmt), "lr_decay": 0.7}
    return scenario(
        f"sparse/absent-rows/{fmt.name}",
        ("sparse/absent-rows", "sparse/update", "lr-decay/own-counter"),
        {"v": v},
        [optimizer("v", **options), *steps(gradients)],
        note="row 0 is absent in between and returns to its own S, with t = 3",
    )


def _empty(fmt: Format) -> Scenario:
    v, e = tensor(fmt, [0.9, -1.7]), tensor(fmt, [0.6, -0.4, 1.3, -2.3], (2, 1, 2))
    gradients = [
        {"v": _rows(v, (), ()), "e": _rows(e, (), ())},
        {"v": _rows(v, (1,), "v2"), "e": _rows(e, (0,), "e2")},
    ]
    options = {**usual_options(fmt), "lr_decay": 0.7, "initial_accumulator_value": 0.3}
    return scenario(
        f"sparse/empty/{fmt.name}",
        ("sparse/empty", "sparse/absent-rows"),
        {"v": v, "e": e},
        [optimizer("ve", **options), *steps(gradients)],
        note="the rate of the second step shows that the first one counted",
    )


def _weight_decay(fmt: Format) -> Scenario:
    e = tensor(fmt, [0.9, -1.7, 2.2])
    return scenario(
        f"sparse/weight-decay/{fmt.name}",
        "sparse/weight-decay-refused",
        {"e": e},
        [
            optimizer("e", weight_decay=0.3, **usual_options(fmt)),
            Step("A", {"e": _rows(e, (1,), "e1")}),
        ],
        flags=(Flag.OUTCOME_ONLY,),
    )


def _refusal(fmt: Format) -> Scenario:
    a, d = tensor(fmt, [0.9, -1.7]), tensor(fmt, [1.4, -0.6, 2.1])
    e, f = tensor(fmt, [0.6, -0.4, 1.3, -2.3], (2, 2)), tensor(fmt, [-0.8])
    own = {**usual_options(fmt), "lr_decay": 0.7}
    groups = (Group(("a",)), Group(("d", "e", "f"), {"weight_decay": 0.3}))
    gradients = {"a": _drawn(a, "a1"), "d": _drawn(d, "d1"), "f": _drawn(f, "f1")}
    return scenario(
        f"sparse/refusal-changes-nothing/{fmt.name}",
        "sparse/refusal-changes-nothing",
        {"a": a, "d": d, "e": e, "f": f},
        [
            New("A", groups, own),
            Step("A", {**gradients, "e": _rows(e, (1,), "e1")}),
            SetOption("A", 1, "weight_decay", 0.0),
            Step("A"),
        ],
        note="e is sparse: a stands in an earlier group, d before it, f behind; "
        "without the decay the same gradients make a first step",
    )


def _save_load(fmt: Format) -> Scenario:
    e = tensor(fmt, [0.6, -1.3, 0.9], (3, 1))
    options = {**usual_options(fmt), "lr_decay": 0.7}
    return scenario(
        f"sparse/save-load/{fmt.name}",
        ("sparse/update", "state-dict/bytes", "sparse/absent-rows"),
        {"e": e},
        [
            optimizer("e", **options),
            Step("A", {"e": _rows(e, (2, 0), "e1")}),
            Save("A", "checkpoint"),
            New("B", (Group(("e",)),), {"lr": 0.011, "eps": 2.3e-3}),
            Load("B", "checkpoint", "bytes"),
            Step("B", {"e": _rows(e, (1, 2), "e2")}),
        ],
    )


def _decay_elsewhere(fmt: Format) -> Scenario:
    e, d = tensor(fmt, [0.9, -1.7, 2.2]), tensor(fmt, [0.8, -1.9])
    groups = (Group(("e",)), Group(("d",), {"weight_decay": 0.3}))
    return scenario(
        f"sparse/decay-elsewhere/{fmt.name}",
        ("sparse/update", "groups/own-options"),
        {"e": e, "d": d},
        [
            New("A", groups, usual_options(fmt)),
            Step("A", {"e": _rows(e, (2, 1), "e1"), "d": _drawn(d, "d1")}),
        ],
        note="only the dense param's group has weight_decay: that is legal",
    )


def _zero_grad(fmt: Format) -> Scenario:
    e = tensor(fmt, [0.6, -0.4, 1.3, -2.3], (2, 2))
    options = {**usual_options(fmt), "lr_decay": 0.7}
    return scenario(
        f"sparse/zero-grad/{fmt.name}",
        ("sparse/update", "zero-grad/to-zero", "zero-grad/to-none"),
        {"e": e},
        [
            optimizer("e", **options),
            Step("A", {"e": _rows(e, (1,), "e1")}),
            ZeroGrad("A", set_to_none=False),
            Step("A"),
            ZeroGrad("A", set_to_none=True),
            Step("A"),
            Step("A", {"e": _drawn(e, "e3")}),
        ],
        note="zeros are a step, sparse or dense, None is none: the last, dense one is "
        "t = 3",
    )


def _mixed() -> Scenario:
    e, d = tensor(BINARY32, [0.9, -1.7, 2.2]), tensor(BINARY64, [0.8, -1.9])
    return scenario(
        "sparse/mixed-formats/binary32-and-binary64",
        ("sparse/update", "groups/mixed-formats"),
        {"e": e, "d": d},
        [
            optimizer("ed", lr=0.7, eps=1.7e-3),
            Step("A", {"e": _rows(e, (2, 1), "mixed"), "d": _drawn(d, "mixed")}),
        ],
        note="a sparse gradient in one format leaves the params of others their step",
    )
