"""Options that several commands have in common: each is declared once, here.

Importing this module loads no part of the suite but defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from adagrad_conformance.evaluation.defaults import TIMEOUT
from adagrad_conformance.reports.formats import Format

__all__ = [
    "file_options",
    "format_option",
    "jobs_option",
    "level_option",
    "memory_option",
    "reproducers_option",
    "seed_option",
    "timeout_option",
]

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_LEVELS = ("must", "should", "may")


def level_option(default: str, purpose: str) -> _Decorator:
    """`--level`; `purpose` begins its help."""
    shown = "all" if default == _LEVELS[-1] else default
    return click.option(
        "--level",
        type=click.Choice(_LEVELS),
        default=default,
        help=f"{purpose} up to this level (default: {shown}).",
    )


def format_option(default: str, formats: Mapping[str, Format]) -> _Decorator:
    """`--format`, one of these; its value is passed on as `form`."""
    listed = "; ".join(f"{name}, {form.about}" for name, form in formats.items())
    return click.option(
        "--format",
        "form",
        type=click.Choice(list(formats)),
        default=default,
        help=f"What is written: {listed} (default: {default}).",
    )


def seed_option(
    what: str = "the fresh random scenarios", required: bool = False
) -> _Decorator:
    """`--seed`; unless it is required, `chosen_seed` finds one, and it is printed."""
    text = f"Of {what}." if required else f"Of {what} (printed)."
    return click.option("--seed", type=int, required=required, help=text)


def timeout_option(default: float = TIMEOUT) -> _Decorator:
    """`--timeout`, for each answer of a port."""
    seconds = click.FloatRange(0.01)
    return click.option("--timeout", type=seconds, default=default, help="Seconds.")


def memory_option(owner: str = "the port's") -> _Decorator:
    """`--memory`, for the data of a port's process."""
    text = f"GiB for {owner} data."
    return click.option("--memory", type=click.FloatRange(0.1), help=text)


def file_options(files: Mapping[str, Format]) -> _Decorator:
    """An option for each form that other tools read; its value is the file."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, form in reversed(list(files.items())):
            option = click.option(
                f"--{name}",
                f"file_{name.replace('-', '_')}",
                metavar="FILE",
                help=f"Write {form.about}.",
            )
            command = option(command)
        return command

    return decorate


def reproducers_option() -> _Decorator:
    """`--reproducers`, a folder to write."""
    return click.option(
        "--reproducers", metavar="FOLDER", help="Write a smallest one for each failure."
    )


def jobs_option(what: str) -> _Decorator:
    """`--jobs`, how many of them at a time."""
    text = f"{what} at a time."
    return click.option("--jobs", type=click.IntRange(1), default=1, help=text)
