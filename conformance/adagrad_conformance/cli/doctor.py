"""`doctor`: examine an adapter, and print what was sent and what came back."""

from __future__ import annotations

import re

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adagrad_conformance.doctor import Doctor, Exchange, examine
from adagrad_conformance.errors import UserError
from adagrad_conformance.transport.targets import parse_target

__all__ = ["doctor_command"]

#: How every message begins.
_PREFIX = re.compile(r'^\[?\{"seq": ?\d+, ?("op": ?"(event|begin)", ?"\w+": ?)?')


def doctor_command(
    target: str, show: bool, timeout: float, memory: float | None
) -> int:
    """Returns the exit code: 0 if all is in order, else 3; raises `UserError`."""
    try:
        command = parse_target(target).command
    except ValueError as error:
        raise UserError(str(error)) from None
    console = Console()
    if not console.is_terminal:
        console = Console(width=110)
    steps: list[Exchange] = []

    def show_step(step: Exchange) -> None:
        steps.append(step)
        _print(console, step, show)

    doctor = Doctor(command, timeout, memory, show_step)
    examine(doctor)
    _print_summary(console, target, doctor, steps)
    return 3 if any(step.problem for step in steps) else 0


def _print(console: Console, step: Exchange, show: bool) -> None:
    """Print a step on one line, or its messages whole, and what is wrong with it."""
    mark = "[green]ok[/]   " if step.problem is None else "[bold red]WRONG[/]"
    if show:
        console.print(mark, Text(step.title))
        for sign, lines in ((">", (step.sent,)), ("<", step.came)):
            for line in filter(None, lines):
                _print_whole(console, f"      {sign} {line}")
    else:
        console.print(_row(mark, step))
    for what, text in (
        ("what", step.problem),
        ("do", step.problem and step.advice),
        ("note", step.note),
    ):
        if text:
            _print_whole(console, f"      {what}: {text}")


def _row(mark: str, step: Exchange) -> Table:
    """A step as a table of one row, which is as wide as the console."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=5)
    table.add_column(width=34, no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    came = step.came[-1] if step.came else ""
    sent, answer = _shortened(">", step.sent), _shortened("<", came)
    table.add_row(mark, Text(step.title), sent, answer)
    return table


def _shortened(sign: str, line: str) -> Text:
    """A message without its number and its op; the table cuts off what is too long."""
    words = _PREFIX.sub("", line[:300])
    return Text(f"{sign} {words}" if line else "", style="dim")


def _print_whole(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)


def _print_summary(
    console: Console, target: str, doctor: Doctor, steps: list[Exchange]
) -> None:
    wrong = [step for step in steps if step.problem]
    port = doctor.identity
    if wrong:
        text = (
            f"{len(wrong)} of {len(steps)} steps are wrong; the first is "
            f"'{wrong[0].title}'\nnext: mend it and call the doctor again; --show "
            "prints whole lines"
        )
    else:
        claims = f"{len(port.claims)} claims"
        text = (
            f"{port.name} {port.version} ({port.language}, {claims}): "
            f"{len(steps)} steps, all in order\n"
            f"next: adagrad-conformance run {_quoted(target)}"
        )
    _print_whole(console, f"\n{text}")


def _quoted(target: str) -> str:
    return f'"{target}"' if " " in target else target
