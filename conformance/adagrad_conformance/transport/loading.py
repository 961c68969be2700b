"""Loads the adapter that a TARGET names; this happens in the process that serves it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from adagrad_conformance.adapters.base import Adapter
from adagrad_conformance.adapters.bases.shadowing import shadowed
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.user_modules import import_file, import_named

__all__ = ["TargetError", "as_adapter", "load_adapter"]


class TargetError(Exception):
    """A target that cannot be loaded; the message is one line and says what to do."""


def load_adapter(text: str) -> Adapter:
    """The adapter that `text` names; raises `TargetError`."""
    place = PORTS[text].place if text in PORTS else text
    module_name, _, attribute = place.rpartition(":")
    thing: Any = _module(text, module_name)
    origin = getattr(thing, "__file__", None)
    for part in attribute.split("."):
        if not hasattr(thing, part):
            where = f" ({origin})" if origin and not module_name.endswith(".py") else ""
            raise TargetError(f"{text}: {module_name}{where} has no {attribute!r}")
        thing = getattr(thing, part)
    return as_adapter(text, thing)


def _module(text: str, name: str) -> ModuleType:
    """The module of a target; raises `TargetError`, whatever its import raises."""
    try:
        if text in PORTS:
            return importlib.import_module(name)
        if not name.endswith(".py"):
            return import_named(name)
        if not Path(name).is_file():
            raise TargetError(f"no file {name}")
        return import_file(Path(name))
    except ModuleNotFoundError as error:
        hint = _hint(text, error.name or "")
        raise TargetError(f"{text}: no module {error.name!r}: {hint}") from error
    except TargetError:
        raise
    except (Exception, SystemExit) as error:
        kind = type(error).__name__
        raise TargetError(f"{text}: importing it raised {kind}: {error}") from error


def _hint(text: str, missing: str) -> str:
    """What to do about a module that is not there."""
    top = missing.partition(".")[0]
    if text in PORTS and PORTS[text].environment:
        return f"adagrad-conformance ports build {PORTS[text].environment}"
    if top == "torch":
        return "pip install 'adagrad-conformance[torch]'"
    if top in sys.stdlib_module_names:
        return f"{top!r} is the standard library's; rename yours"
    return "check the spelling, or install it with pip"


def as_adapter(text: str, thing: Any) -> Adapter:
    """An adapter for what stands at a target; raises `TargetError`.

    `thing` is an adapter, a class or function that makes one, or a class of torch
    optimizers; `text` names it.
    """
    if isinstance(thing, Adapter):
        return _checked(text, thing)
    if _is_torch_optimizer(thing):
        from adagrad_conformance.adapters.torch_optim import (
            TorchAdapter,
            evidently_lacks,
            other_names,
        )

        if hint := other_names(thing):
            raise TargetError(hint)
        return TorchAdapter(text, thing, without=evidently_lacks(thing))
    try:
        made = thing() if callable(thing) else thing
    except Exception as error:
        kind = type(error).__name__
        raise TargetError(f"{text}: calling it raised {kind}: {error}") from error
    if isinstance(made, Adapter):
        return _checked(text, made)
    raise TargetError(
        f"{text} is neither an Adapter (adagrad_conformance.adapters.base) nor a "
        "torch.optim.Optimizer subclass; see 'Add an adapter' in conformance/README.md"
    )


def _checked(text: str, adapter: Adapter) -> Adapter:
    """The adapter, if it takes no name of its base; raises `TargetError`."""
    if problem := shadowed(adapter):
        raise TargetError(f"{text}: {problem}")
    return adapter


def _is_torch_optimizer(thing: Any) -> bool:
    torch = sys.modules.get("torch")  # a module with a subclass of it has imported it
    return (
        torch is not None
        and isinstance(thing, type)
        and issubclass(thing, torch.optim.Optimizer)
    )
