"""The native checks, in an ordered table; nothing is imported to read it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["NATIVE", "NativeEntry"]

_PACKAGE = "adagrad_conformance.native"


@dataclass(frozen=True)
class NativeEntry:
    """Where a native check is, what it decides, and what the port must claim for it."""

    id: str
    requirements: tuple[str, ...]
    place: str  #: module:function
    claims: frozenset[str]


def _torch(module: str, *checks: tuple[str, str]) -> Iterator[NativeEntry]:
    """Checks of torch optimizers: (function, requirement) each."""
    for function, requirement in checks:
        name = f"torch/{function.replace('_', '-')}"
        place = f"{_PACKAGE}.{module}:{function}"
        yield NativeEntry(name, (requirement,), place, frozenset({"torch", "binary32"}))


_ALL = (
    *_torch(
        "torch_state",
        ("entries", "state-dict/entries"),
    ),
)

#: The native checks by id.
NATIVE: dict[str, NativeEntry] = {entry.id: entry for entry in _ALL}
