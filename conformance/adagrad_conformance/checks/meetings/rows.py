"""The rows of the covering array, as `rows.json` holds them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .space import DIMENSIONS

__all__ = ["ROWS_FILE", "Row", "columns", "read_rows"]

#: Package data, which `bench/covering.py` writes.
ROWS_FILE = Path(__file__).with_name("rows.json")


@dataclass(frozen=True)
class Row:
    """One row: its permanent number, a value of each dimension, and its numbers.

    `draw` chooses the random numbers of the scenario.
    """

    number: int
    draw: int
    values: dict[str, str]

    @property
    def id(self) -> str:
        """The permanent id of the scenario."""
        return f"meetings/{self.number}/{self.values['format']}"


def columns() -> list[str]:
    """The columns of the file: number, draw, then the dimensions in their order."""
    return ["number", "draw", *(dimension.name for dimension in DIMENSIONS)]


def read_rows(path: Path = ROWS_FILE) -> list[Row]:
    """The rows of a file, in order; raises ValueError for one of another space."""
    data = json.loads(path.read_text("utf-8"))
    if data["columns"] != columns():
        raise ValueError(f"{path.name} has other columns than the space")
    names = columns()[2:]
    return [
        Row(number, draw, dict(zip(names, values, strict=True)))
        for number, draw, *values in data["rows"]
    ]
