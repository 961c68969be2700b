"""Adapters: one small file per port, imported only when the port is run.

To add one, write a subclass of `base.Adapter` (`arrays.ArrayAdapter` for what maps
arrays to arrays; for a torch optimizer, an instance of `torch_optim.TorchAdapter`) and
enter it below.  A port that brings a framework of its own names the environment that
has it (environments.py), and runs there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ADAPTERS", "PORTS", "Port"]

_PACKAGE = "adagrad_conformance.adapters"


@dataclass(frozen=True)
class Port:
    """Where a registered port is: an adapter in Python, or a program.

    `place` is "module:attribute", a callable without arguments.  A `program` is a
    command that speaks the protocol; its words may name {folder}, that of the
    environment, and {adapters}, this one.
    """

    place: str = ""
    environment: str = ""  #: its name in environments.py; "": this Python
    program: tuple[str, ...] = ()


def _here(attribute: str) -> Port:
    return Port(f"{_PACKAGE}.{attribute}")


def _in(environment: str, attribute: str) -> Port:
    return Port(f"{_PACKAGE}.{attribute}", environment)


PORTS: Mapping[str, Port] = {
    "numpy": _here("numpy_own:NumpyAdapter"),
    "own/torch-single": _here("torch_own:single"),
    "own/torch-foreach": _here("torch_own:foreach"),
    "torch/single": _here("torch_optim:single"),
    "torch/foreach": _here("torch_optim:foreach"),
    "torch/fused": _here("torch_optim:fused"),
    "torch/differentiable": _here("torch_optim:differentiable"),
    "optax": _in("jax", "optax:OptaxAdapter"),
}

#: The ports that run in this Python: name -> "module:attribute".
ADAPTERS: Mapping[str, str] = {
    name: port.place for name, port in PORTS.items() if not port.environment
}
