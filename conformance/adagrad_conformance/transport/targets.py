"""What a TARGET on the command line means.

    torch/single              a registered adapter (adapters/__init__.py)
    package.module:Name       an Adapter, or a torch.optim.Optimizer like Adagrad
    path/to/file.py:Name      the same, from a file
    exec:COMMAND              any program that speaks the protocol (PROTOCOL.md)

Loading happens in the child process (`load_adapter`), so the command itself imports no
framework.
"""

from __future__ import annotations

import importlib
import importlib.util
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adagrad_conformance
import adagrad_reference
from adagrad_conformance.adapters.environments import ENVIRONMENTS, Environment
from adagrad_conformance.adapters.registry import PORTS, Port

__all__ = ["Target", "TargetError", "elsewhere", "load_adapter", "parse_target"]


class TargetError(Exception):
    """A target that cannot be loaded; the message is one line and says what to do."""


@dataclass(frozen=True)
class Target:
    """A target and the command line of its process."""

    name: str
    command: tuple[str, ...]


def parse_target(text: str) -> Target:
    """The process to start for `text`; raises `ValueError` for what is no target."""
    if text.startswith("exec:"):
        try:
            command = tuple(shlex.split(text.removeprefix("exec:")))
        except ValueError as error:
            raise ValueError(f"{text}: {error}; check its quotes") from None
        if not command:
            raise ValueError("exec: needs a command, as in 'exec:node port.mjs'")
        return Target(text, command)
    if text in PORTS and PORTS[text].environment:
        return Target(text, _elsewhere(text, PORTS[text]))
    if text not in PORTS and ":" not in text:
        raise ValueError(
            f"unknown target {text!r}; 'list candidates' shows the registered ones, "
            "others are written module:Class, file.py:Class or exec:COMMAND"
        )
    return Target(text, _here(text))


def _here(text: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "adagrad_conformance.host", text)


def _elsewhere(name: str, port: Port) -> tuple[str, ...]:
    """The command of a port that has an environment of its own."""
    environment = ENVIRONMENTS[port.environment]
    if not environment.is_built:
        if port.place:  # perhaps this Python has what it needs
            return _here(name)
        build = f"adagrad-conformance ports build {port.environment}"
        raise ValueError(f"{name} is not built; '{build}' makes it")
    adapters = Path(__file__).resolve().parents[1] / "adapters"
    if port.program:
        return tuple(
            word.format(folder=environment.folder, adapters=adapters)
            for word in port.program
        )
    return elsewhere(environment, name)


def elsewhere(environment: Environment, what: str) -> tuple[str, ...]:
    """The command that serves a port, or runs a script, in an environment."""
    packages = (adagrad_reference.__path__[0], adagrad_conformance.__path__[0])
    launcher = Path(__file__).with_name("bootstrap.py").resolve()
    return (str(environment.python), str(launcher), *packages, what)


def load_adapter(text: str) -> Any:
    """The adapter that `text` names; raises `TargetError`."""
    place = PORTS[text].place if text in PORTS else text
    module_name, _, attribute = place.rpartition(":")
    try:
        module = _module(module_name)
    except ModuleNotFoundError as error:
        missing = (error.name or "?").split(".")[0]
        hint = "check the spelling, or install it with pip"
        if missing == "torch":
            hint = "pip install 'adagrad-conformance[torch]'"
        if text in PORTS and PORTS[text].environment:
            hint = f"adagrad-conformance ports build {PORTS[text].environment}"
        raise TargetError(f"{text}: no module {missing!r}: {hint}") from error
    except TargetError:
        raise
    except (Exception, SystemExit) as error:
        kind = type(error).__name__
        raise TargetError(f"{text}: importing it raised {kind}: {error}") from error
    thing = module
    for part in attribute.split("."):
        if not hasattr(thing, part):
            raise TargetError(f"{text}: {module_name} has no {attribute!r}")
        thing = getattr(thing, part)
    return _adapter(text, thing)


def _module(name: str) -> Any:
    if not name.endswith(".py"):
        sys.path.insert(0, "")  # as `python -m` would
        return importlib.import_module(name)
    path = Path(name)
    if not path.is_file():
        raise TargetError(f"no file {name}")
    sys.path.insert(0, str(path.parent.resolve()))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None, name
    assert spec.loader is not None, name
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _adapter(text: str, thing: Any) -> Any:
    from adagrad_conformance.adapters.base import Adapter

    if isinstance(thing, Adapter):
        return thing
    if _is_torch_optimizer(thing):
        from adagrad_conformance.adapters.torch_optim import (
            TorchAdapter,
            evidently_lacks,
        )

        return TorchAdapter(text, thing, without=evidently_lacks(thing))
    try:
        made = thing() if callable(thing) else thing
    except Exception as error:
        kind = type(error).__name__
        raise TargetError(f"{text}: calling it raised {kind}: {error}") from error
    if isinstance(made, Adapter):
        return made
    raise TargetError(
        f"{text} is neither an Adapter (adagrad_conformance.adapters.base) nor a "
        "torch.optim.Optimizer subclass; see 'Add an adapter' in conformance/README.md"
    )


def _is_torch_optimizer(thing: Any) -> bool:
    torch = sys.modules.get("torch")  # whoever subclasses it has imported it
    return (
        torch is not None
        and isinstance(thing, type)
        and issubclass(thing, torch.optim.Optimizer)
    )
