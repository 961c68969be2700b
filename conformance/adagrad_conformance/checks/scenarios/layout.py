"""Views, strides and sizes, on which no result may depend."""

from __future__ import annotations

import math
from collections.abc import Iterator

from adagrad_reference.flags import Flag
from adagrad_reference.formats import Format
from adagrad_reference.scenario import (
    Layout,
    Load,
    Save,
    Scenario,
    Step,
    Tensor,
    tensor,
)

from .builders import (
    FOUR_FORMATS,
    draw,
    optimizer,
    rng,
    scenario,
    steps,
    usual_options,
    view,
)

__all__ = ["FAMILY", "scenarios"]

FAMILY = "layout"

#: One less and one more than the lanes of a vector of 16-bit to 64-bit numbers, and
#: two vectors and a remainder.  The family `sizes`, which no file holds, has the rest.
SIZES = (0, 1, 3, 15, 17, 35)
SHAPES = ((1, 9), (9, 1), (0, 3), (2, 3, 2, 2))


def scenarios() -> Iterator[Scenario]:
    """Strided params, strided gradients, transposed ones, and sizes."""
    for fmt in FOUR_FORMATS:
        yield from _strided(fmt)
        yield _after_load(fmt)
        yield _expanded(fmt)
        yield from _sizes(fmt)


def _guard(fmt: Format) -> int:
    return fmt.encode(fmt.round_man_exp(-13, -2))  # -3.25


def _drawn(fmt: Format, name: str, shape: tuple[int, ...]) -> Tensor:
    source = rng(f"layout/{name}/{fmt.name}")
    return tensor(fmt, draw(source, math.prod(shape), 0.3, 2.5), shape)


def _strided(fmt: Format) -> Iterator[Scenario]:
    guard, options = _guard(fmt), usual_options(fmt)
    every_other = Layout(2 * 21 + 3, 2, (2,), guard)
    transposed = Layout(5 * 7 + 2, 1, (1, 5), guard)
    row_major = Layout(5 * 7 + 2, 1, (7, 1), guard)
    every_third = Layout(3 * 21, 1, (3,), guard)
    channels_last = Layout(2 * 3 * 2 * 4, 0, (24, 1, 12, 3), guard)
    permuted = Layout(4 * 3 * 5, 0, (1, 4, 12), guard)
    line, sheet, image, cube = (21,), (5, 7), (2, 3, 2, 4), (4, 3, 5)
    cases = {
        "every-other-element": ("strided-param", line, every_other, None),
        "transposed-param": ("strides-differ", sheet, transposed, None),
        "transposed-gradient": ("strides-differ", sheet, row_major, transposed),
        "both-transposed": ("strided-param", sheet, transposed, transposed),
        "both-strided": ("strides-differ", line, every_other, every_third),
        "channels-last-param": ("strides-differ", image, channels_last, None),
        "channels-last-gradient": ("strides-differ", image, None, channels_last),
        "permuted-param": ("strides-differ", cube, permuted, None),
        "permuted-gradient": ("strides-differ", cube, None, permuted),
        "inside-a-storage": ("strided-param", sheet, row_major, None),
    }
    for name, (requirement, shape, of_param, of_gradient) in cases.items():
        theta = _drawn(fmt, f"{name}/theta", shape)
        if of_param:
            theta = view(theta, of_param)
        count = 2 if shape is sheet else 1
        gradients = [_drawn(fmt, f"{name}/{i}", shape) for i in range(count)]
        if of_gradient:
            gradients = [view(gradient, of_gradient) for gradient in gradients]
        yield scenario(
            f"layout/{name}/{fmt.name}",
            f"layout/{requirement}",
            {"p": theta},
            [optimizer(**options), *steps({"p": gradient} for gradient in gradients)],
            flags=(Flag.GUARDED,) if of_param else (),
        )


def _after_load(fmt: Format) -> Scenario:
    guard = _guard(fmt)
    layouts = {
        "p": ((3, 5), Layout(3 * 5 + 2, 1, (1, 3), guard)),  # transposed
        "q": ((4,), Layout(3 * 4 + 1, 1, (3,), guard)),  # every third
        "r": ((2, 3, 2), Layout(2 * 3 * 2, 0, (1, 4, 2), guard)),  # permuted
    }
    params = {
        name: view(_drawn(fmt, f"after-load/{name}", shape), layout)
        for name, (shape, layout) in layouts.items()
    }
    first, second, third = (
        {
            name: _drawn(fmt, f"after-load/{name}/{i}", shape)
            for name, (shape, _) in layouts.items()
        }
        for i in range(3)
    )
    options = {**usual_options(fmt), "lr_decay": 0.7}
    return scenario(
        f"layout/after-load/{fmt.name}",
        ("layout/after-load", "state-dict/bytes", "state-dict/deepcopy"),
        params,
        [
            optimizer(params, **options),
            Step("A", first),
            Save("A", "first"),
            optimizer(params, name="B", **options),
            Load("B", "first", "bytes"),
            Step("B", second),
            Save("B", "second"),
            optimizer(params, name="C", **options),
            Load("C", "second", "deepcopy"),
            Step("C", third),
        ],
        note="S belongs to the same elements as before, wherever they lie",
        flags=(Flag.GUARDED,),
    )


def _expanded(fmt: Format) -> Scenario:
    row = _drawn(fmt, "expanded/row", (3,))
    layout = Layout(
        12, 0, (0, 1), _guard(fmt)
    )  # so that a port that misreads the strides stays inside
    gradient = Tensor(fmt.name, (4, 3), row.bits * 4, layout=layout)
    return scenario(
        f"layout/expanded-gradient/{fmt.name}",
        "layout/strides-differ",
        {"p": _drawn(fmt, "expanded/theta", (4, 3))},
        [optimizer(**usual_options(fmt)), *steps([{"p": gradient}])],
        note="stride 0: every row of the gradient is one row in memory",
    )


def _sizes(fmt: Format) -> Iterator[Scenario]:
    options = {**usual_options(fmt), "weight_decay": 0.23}
    shapes: dict[str, tuple[int, ...]] = {f"size-{n}": (n,) for n in SIZES}
    shapes |= {f"shape-{'x'.join(map(str, shape))}": shape for shape in SHAPES}
    for name, shape in shapes.items():
        like = {"p": shape, "q": (2, 2)}
        yield scenario(
            f"layout/{name}/{fmt.name}",
            "layout/any-size",
            {k: _drawn(fmt, f"{name}/{k}", x) for k, x in like.items()},
            [
                optimizer(like, **options),
                *steps(
                    {k: _drawn(fmt, f"{name}/{k}/{i}", x) for k, x in like.items()}
                    for i in range(1 if math.prod(shape) > 40 else 2)
                ),
            ],
            note="a second param behind it must still step",
        )
    yield scenario(
        f"layout/scalar/{fmt.name}",
        "layout/any-size",
        {"p": _drawn(fmt, "scalar", ())},
        [
            optimizer(maximize=True, lr_decay=0.7, **options),
            *steps({"p": _drawn(fmt, f"scalar/g{i}", ())} for i in range(2)),
        ],
    )
