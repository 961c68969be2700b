"""What a TARGET on the command line means: the command that starts its process.

    torch/single              a registered adapter (adapters/registry.py)
    package.module:Name       an Adapter, or a torch.optim.Optimizer like Adagrad
    path/to/file.py:Name      the same, from a file
    exec:COMMAND              any program that speaks the protocol (PROTOCOL.md)

Nothing is loaded here: loading.py does that in the process that is started, so that the
command itself imports no framework.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import adagrad_conformance
import adagrad_reference
from adagrad_conformance.adapters.environment_table import ENVIRONMENTS
from adagrad_conformance.adapters.registry import PORTS, Port
from adagrad_conformance.errors import meant

__all__ = ["Target", "command_under", "is_hosted", "parse_target"]

_BOOTSTRAP = str(Path(__file__).with_name("bootstrap.py").resolve())


@dataclass(frozen=True)
class Target:
    """A target and the command line of its process."""

    name: str
    command: tuple[str, ...]


def parse_target(text: str) -> Target:
    """The process to start for `text`; raises `ValueError` for an invalid target."""
    if text.startswith("exec:"):
        return Target(text, _program(text))
    if text in PORTS and PORTS[text].environment:
        return Target(text, _in_its_environment(text, PORTS[text]))
    if text not in PORTS and ":" not in text:
        if text.endswith(".py"):
            raise ValueError(
                f"target {text!r} names a file and no class in it: write {text}:Class"
            )
        raise ValueError(
            f"unknown target {text!r}{meant(text, PORTS)}; 'list candidates' shows the "
            "registered ones, others are written module:Class, file.py:Class or "
            "exec:COMMAND"
        )
    return Target(text, command_under(Path(sys.executable), text))


def _program(text: str) -> tuple[str, ...]:
    try:
        command = tuple(shlex.split(text.removeprefix("exec:")))
    except ValueError as error:
        raise ValueError(f"{text}: {error}; check its quotes") from None
    if not command:
        raise ValueError("exec: needs a command, as in 'exec:node port.mjs'")
    return command


def _in_its_environment(name: str, port: Port) -> tuple[str, ...]:
    """The command of a port that has an environment of its own."""
    environment = ENVIRONMENTS[port.environment]
    if not environment.is_built:
        if port.place:  # perhaps this Python has what the port needs
            return command_under(Path(sys.executable), name)
        build = f"adagrad-conformance ports build {port.environment}"
        raise ValueError(f"{name} is not built; '{build}' makes it")
    if not port.program:
        return command_under(environment.python, name)
    adapters = Path(__file__).resolve().parents[1] / "adapters"
    return tuple(
        word.format(folder=environment.folder, adapters=adapters)
        for word in port.program
    )


def command_under(python: Path, what: str) -> tuple[str, ...]:
    """The command that serves a target, or runs a script, under a Python.

    That Python needs neither of the two packages: bootstrap.py brings the ones that run
    here.  `python -m` would search the working folder before the standard library.
    """
    packages = (adagrad_reference.__path__[0], adagrad_conformance.__path__[0])
    return (str(python), _BOOTSTRAP, *packages, what)


def is_hosted(command: Sequence[str]) -> bool:
    """Whether a command starts the server of adapters in Python."""
    return _BOOTSTRAP in command
