"""The extents and the places in memory that the rows of the space name."""

from __future__ import annotations

import math
from collections.abc import Mapping

from adagrad_reference.scenario import Layout

from .space import SIZES

__all__ = ["layout_of", "shape_of"]

#: For each size the extents of a sheet and of a cube; from 63 elements on, both extents
#: of a sheet are beyond the shortest vectors, from 255 on beyond those of 8 numbers.
_SHEETS: Mapping[int, tuple[tuple[int, int], tuple[int, int, int]]] = {
    8: ((2, 4), (2, 2, 2)),
    16: ((4, 4), (2, 2, 4)),
    32: ((4, 8), (2, 4, 4)),
    33: ((3, 11), (3, 1, 11)),
    63: ((7, 9), (3, 7, 3)),
    64: ((8, 8), (4, 4, 4)),
    65: ((5, 13), (5, 1, 13)),
    255: ((15, 17), (3, 5, 17)),
    256: ((16, 16), (4, 8, 8)),
    1023: ((31, 33), (3, 11, 31)),
    1024: ((32, 32), (8, 8, 16)),
    1025: ((25, 41), (5, 5, 41)),
    4095: ((63, 65), (13, 15, 21)),
    4096: ((64, 64), (16, 16, 16)),
    4097: ((17, 241), (17, 1, 241)),
    65_535: ((255, 257), (15, 17, 257)),
    65_536: ((256, 256), (32, 32, 64)),
    131_072: ((256, 512), (32, 64, 64)),
}


def shape_of(shape: str, size: str, turn: int) -> tuple[int, ...]:
    """Extents of a class of shapes and of sizes; `turn` chooses among the sizes.

    A sheet or a cube takes a size that has two or three factors.
    """
    sizes = SIZES[size]
    if shape in ("sheet", "cube"):
        sizes = tuple(n for n in sizes if n in _SHEETS)
    chosen = sizes[turn % len(sizes)]
    match shape:
        case "scalar":
            return ()
        case "line":
            return (chosen,)
        case "row":
            return (1, chosen)
        case "column":
            return (chosen, 1)
        case "sheet":
            return _SHEETS[chosen][0]
        case "cube":
            return _SHEETS[chosen][1]
        case _:
            raise ValueError(f"no shape is called {shape}")


def layout_of(name: str, shape: tuple[int, ...], guard: int) -> Layout | None:
    """The layout of a class for these extents; None for a tensor without one.

    `guard` is the encoding of the elements around.  The storage of an expanded tensor
    is as long as a plain one, so that a port that misreads the strides stays inside.
    """
    size, plain = math.prod(shape), _row_major(shape)
    match name:
        case "contiguous":
            return None
        case "strided":
            strides = tuple(2 * stride for stride in plain)
            return Layout(2 * size + 3, 1, strides, guard)
        case "transposed":
            turned = tuple(reversed(_row_major(tuple(reversed(shape)))))
            return Layout(size + 2, 1, turned, guard)
        case "offset":
            return Layout(size + 5, 3, plain, guard)
        case "expanded":
            axis = next(i for i, extent in enumerate(shape) if extent > 1)
            rest = (*shape[:axis], 1, *shape[axis + 1 :])
            strides = tuple(
                0 if i == axis else stride for i, stride in enumerate(_row_major(rest))
            )
            return Layout(size, 0, strides, guard)
        case _:
            raise ValueError(f"no layout is called {name}")


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    strides: list[int] = []
    step = 1
    for extent in reversed(shape):
        strides.insert(0, step)
        step *= extent
    return tuple(strides)
