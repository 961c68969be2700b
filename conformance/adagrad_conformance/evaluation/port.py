"""From a target, an adapter or a class to a result: what `evaluate` does."""

from __future__ import annotations

import os
from dataclasses import dataclass

from adagrad_conformance.checks.selection import Choice, selected
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.errors import UserError
from adagrad_conformance.transport.server import SERVED
from adagrad_reference.scenario import LEVELS
from adagrad_reference.vectors import VectorError

from .client import evaluate_client
from .defaults import FRESH, chosen_seed
from .driving import PortLike, drive
from .result import TargetResult

__all__ = ["Options", "evaluate_port"]


@dataclass(frozen=True)
class Options:
    """What is played and how long is waited; `evaluate` explains each."""

    level: str = "may"
    only: str | None = None
    quick: bool = False
    seed: int | None = None
    fresh: int = FRESH
    timeout: float | None = None
    memory_gib: float | None = None
    explain: bool = True

    def __post_init__(self) -> None:
        """Raise `UserError` for what is out of range."""
        if self.level.upper() not in LEVELS:
            known = ", ".join(LEVELS).lower()
            raise UserError(f"unknown level {self.level!r}; levels are {known}")
        if self.fresh < 0:
            raise UserError(f"fresh={self.fresh} is not >= 0")
        for name in ("timeout", "memory_gib"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"{name}={value} is not > 0")


def evaluate_port(port: PortLike, options: Options) -> TargetResult:
    """Play the checks that the options select on a port; raises `UserError`."""
    if served := os.environ.get(SERVED):
        raise UserError(
            f"evaluate was called in the process that serves {served}; put the call "
            "under: if __name__ == '__main__'"
        )
    driven = drive(port, options.timeout, options.memory_gib)
    seed = chosen_seed(options.seed)
    try:
        library = Library.read()
    except VectorError as error:
        raise UserError(str(error)) from None
    choice = Choice(options.level.upper(), options.only, options.quick)
    checks = selected(library, seed, options.fresh, choice)
    if not checks:
        raise UserError(
            f"nothing was selected by only={options.only!r} and level="
            f"{options.level!r}; 'adagrad-conformance list checks' shows what there is"
        )
    result = evaluate_client(
        driven.name,
        driven.client,
        checks,
        library.expectations,
        known=library.holds,
        explain=options.explain,
        whole=options.only is None,
        doubt=True,
    )
    result.seed, result.in_process = seed, driven.in_process
    return result
