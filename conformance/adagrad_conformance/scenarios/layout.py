"""Views, strides and sizes: where an element lies must not matter."""

from __future__ import annotations

from collections.abc import Iterator

from adagrad_reference.formats import Format
from adagrad_reference.scenario import Layout, Scenario, Tensor

from .build import (
    FOUR_FORMATS,
    draw,
    optimizer,
    rng,
    scenario,
    steps,
    tensor,
    usual_options,
    view,
)

__all__ = ["FAMILY", "NOTES", "scenarios"]

FAMILY = "layout"
NOTES: dict[str, str] = {
    "guarded": "the storage is larger than the param; the rest must keep its bits",
}

#: One less and one more than the lanes of a vector of 16-bit to 64-bit numbers, and
#: two vectors and a rest; more than one cache line; several blocks of a loop.
SIZES = (0, 1, 3, 15, 17, 35, 67, 259)


def scenarios() -> Iterator[Scenario]:
    """Strided params, strided gradients, transposed ones, and sizes."""
    for fmt in FOUR_FORMATS:
        yield from _strided(fmt)
        yield _expanded(fmt)
        yield from _sizes(fmt)


def _guard(fmt: Format) -> int:
    return fmt.encode(fmt.round_man_exp(-13, -2))  # -3.25


def _drawn(fmt: Format, name: str, shape: tuple[int, ...]) -> Tensor:
    size = 1
    for extent in shape:
        size *= extent
    return tensor(fmt, draw(rng(f"layout/{name}/{fmt.name}"), size, 0.3, 2.5), shape)


def _strided(fmt: Format) -> Iterator[Scenario]:
    guard, options = _guard(fmt), usual_options(fmt)
    every_other = Layout(2 * 21 + 3, 2, (2,), guard)
    transposed = Layout(5 * 7 + 2, 1, (1, 5), guard)
    row_major = Layout(5 * 7 + 2, 1, (7, 1), guard)
    line, sheet = (21,), (5, 7)
    cases = {
        "every-other-element": ("strided-param", line, every_other, None),
        "transposed-param": ("strides-differ", sheet, transposed, None),
        "transposed-gradient": ("strides-differ", sheet, row_major, transposed),
        "both-transposed": ("strided-param", sheet, transposed, transposed),
        "inside-a-storage": ("strided-param", sheet, row_major, None),
    }
    for name, (requirement, shape, of_param, of_gradient) in cases.items():
        theta = view(_drawn(fmt, f"{name}/theta", shape), of_param)
        gradients = [_drawn(fmt, f"{name}/{i}", shape) for i in range(2)]
        if of_gradient:
            gradients = [view(gradient, of_gradient) for gradient in gradients]
        yield scenario(
            f"layout/{name}/{fmt.name}",
            f"layout/{requirement}",
            {"p": theta},
            [optimizer(**options), *steps({"p": gradient} for gradient in gradients)],
            flags=("guarded",),
        )


def _expanded(fmt: Format) -> Scenario:
    row = _drawn(fmt, "expanded/row", (3,))
    layout = Layout(3, 0, (0, 1), _guard(fmt))
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
    for size in SIZES:
        params = {"p": _drawn(fmt, f"{size}/p", (size,)), "q": _drawn(fmt, "q", (2, 2))}
        gradients = [
            {
                "p": _drawn(fmt, f"{size}/{i}", (size,)),
                "q": _drawn(fmt, f"q/{i}", (2, 2)),
            }
            for i in range(2)
        ]
        yield scenario(
            f"layout/size-{size}/{fmt.name}",
            "layout/any-size",
            params,
            [optimizer(("p", "q"), **options), *steps(gradients)],
            note="a second param behind it must still step",
        )
    yield scenario(
        f"layout/scalar/{fmt.name}",
        "layout/any-size",
        {"p": _drawn(fmt, "scalar", ())},
        [optimizer(**options), *steps([{"p": _drawn(fmt, "scalar/g", ())}])],
    )
