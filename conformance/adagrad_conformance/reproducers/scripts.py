"""Which writer writes the script of a failure: the first that can.

Rule 1.  A script that uses the port alone comes before one that uses its adapter; where
         neither can be written, the script is the command that plays the file again.
Rule 2.  Where a writer cannot say all that the scenario does, the next one is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.grading.failure import FailureKind
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.scenario import Scenario

from .adapter_script import adapter_reproducer
from .assertion import Assertion, Look
from .languages import PYTHON, SHELL, ScriptLanguage
from .literals import shell_words
from .port_script import port_reproducer
from .port_syntax import syntax_of
from .port_syntax.base import NotExpressible
from .torch_script import torch_constructor, torch_reproducer

__all__ = ["WRITERS", "Failed", "Script", "replay_command", "script_of"]


@dataclass(frozen=True)
class Failed:
    """A failure and the port that shows it.

    The last event of the scenario is the one at fault.  `assertion` is what holds there
    on a right port; None where the fault is an exception.
    """

    scenario: Scenario
    target: str  #: as on the command line
    identity: Identity
    file: str  #: name of the scenario's file, which lies beside the script
    verdict: Verdict
    assertion: Assertion | None = None
    words: str = ""  #: what the fault is, where one is known


class Script(NamedTuple):
    """A script's source text and its language."""

    text: str
    language: ScriptLanguage


Writer = Callable[[Failed], Script | None]

#: Where only an adapter looks: a master is at no place that torch prescribes.
_BY_ADAPTER = (Look.MASTER, Look.MASTER_STATE)


def replay_command(target: str, file: str) -> str:
    """The command that plays a scenario's file on a target."""
    words = [target, "--scenario", file]
    if target.startswith("-"):  # or it would be read as an option
        words = ["--scenario", file, "--", target]
    return shell_words("adagrad-conformance", "run", *words)


def _replay(failed: Failed) -> Script:
    return Script(f"{replay_command(failed.target, failed.file)}\n", SHELL)


def _command(failed: Failed) -> Script | None:
    """For exec:COMMAND, which no adapter in Python drives."""
    return _replay(failed) if failed.target.startswith("exec:") else None


def _torch(failed: Failed) -> Script | None:
    """For torch optimizers that have no adapter of their own."""
    made, identity = torch_constructor(failed.target), failed.identity
    if made is None or "torch" not in identity.claims or identity.name != failed.target:
        return None
    if failed.assertion is not None and failed.assertion.what in _BY_ADAPTER:
        return None
    text = torch_reproducer(failed.scenario, made, failed.assertion, failed.verdict)
    return Script(text, PYTHON)


def _port(failed: Failed) -> Script | None:
    """For registered ports with a syntax of their own."""
    syntax = syntax_of(failed.target)
    if syntax is None:
        return None
    constants = failed.identity.constants
    try:
        text = port_reproducer(failed.scenario, syntax, failed.assertion, constants)
    except NotExpressible:
        return None
    return Script(text, syntax.language)


def _program(failed: Failed) -> Script | None:
    """For registered programs, which no adapter in Python drives."""
    port = PORTS.get(failed.target)
    return _replay(failed) if port is not None and port.program else None


def _adapter(failed: Failed) -> Script:
    """For every other port."""
    text = adapter_reproducer(failed.scenario, failed.target, failed.assertion)
    return Script(text, PYTHON)


#: Every writer of scripts, in the order in which they are tried; the last always can.
WRITERS: tuple[Writer, ...] = (_command, _torch, _port, _program, _adapter)


def script_of(failed: Failed) -> Script:
    """The script of the first writer that can write it."""
    script = next(s for write in WRITERS if (s := write(failed)) is not None)
    head = "\n".join(map(script.language.comment, _head(failed)))
    return Script(f"{head}\n{script.text}", script.language)


def _head(failed: Failed) -> Iterator[str]:
    """Title, version, promise, and what is expected and seen, a line each."""
    verdict, identity = failed.verdict, failed.identity
    known = REQUIREMENTS.get(verdict.requirement or "")
    demand = known.demands if known else ""
    yield _line(failed.words or demand or "the port fails")
    yield _line(f"Port: {identity.name} {identity.version}")
    if promise := verdict.promise or (demand if failed.words else ""):
        yield _line(f"Promised: {promise}")
    failure = verdict.failure
    if failure is None:
        return
    if formula := _FORMULAS.get(failure.kind):
        yield f"Formula: {formula}"
    if failure.observed_text is not None:
        yield _line(f"Expected: {failure.due_text}; seen: {failure.observed_text}")
    else:
        yield _line(f"Seen: {failure.message}")


def _line(text: str) -> str:
    """Any text as part of a comment of one line."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.split())[:_LONGEST]


#: The longest line of a head.
_LONGEST = 300
#: What is due, in plain formulas.
_STEP = "clr = lr / (1 + (t - 1) * lr_decay), p - clr * g / (sqrt(sum) + eps)"
_FORMULAS = {
    FailureKind.THETA: _STEP,
    FailureKind.NOT_FINITE: _STEP,
    FailureKind.STILL: _STEP,
    FailureKind.SUM: "sum + g * g, where g has weight_decay * p added to it",
    FailureKind.INITIAL_SUM: "sum = initial_accumulator_value before the first step",
}
