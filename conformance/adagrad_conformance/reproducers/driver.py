"""The names by which a script drives a port through its adapter.

    from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor

    port = load_adapter("numpy")
    port.begin({"p": tensor("binary64", [1.0])})
    port.perform(New("A", (Group(("p",)),), {"lr": 0.5}))
    port.perform(Step("A", {"p": tensor("binary64", [2.0])}))
    print(port.read("A")["p"].theta.values())

`load_adapter` takes every TARGET of the command but `exec:COMMAND`.  For a port with an
environment the script begins again under the Python of that environment.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adagrad_conformance.adapters.base import ClosureAnswer, Refused
from adagrad_conformance.adapters.environment_table import ENVIRONMENTS
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.transport import loading
from adagrad_conformance.transport.targets import command_under
from adagrad_reference import scenario
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Layout,
    Load,
    New,
    Read,
    Save,
    SetOption,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)
from adagrad_reference.sparse import exact_elements

__all__ = [
    "AddGroup",
    "ClosureAnswer",
    "Group",
    "Layout",
    "Load",
    "New",
    "Read",
    "Refused",
    "Save",
    "SetOption",
    "SetState",
    "Sparse",
    "Step",
    "Steps",
    "ZeroGrad",
    "exact_elements",
    "load_adapter",
    "tensor",
]


def load_adapter(text: str) -> Any:
    """The adapter that `text` names; raises `TargetError`."""
    port, script = PORTS.get(text), Path(sys.argv[0])
    if port is not None and port.environment and port.place and script.is_file():
        environment = ENVIRONMENTS[port.environment]
        here = Path(sys.prefix).resolve() == environment.folder.resolve()
        if environment.is_built and not here:
            sys.stdout.flush()
            command = command_under(environment.python, str(script))
            os.execv(command[0], command)
    return loading.load_adapter(text)


def tensor(
    name: str,
    values: Sequence[float],
    shape: tuple[int, ...] | None = None,
    complex: bool = False,
    layout: Layout | None = None,
) -> Tensor:
    """A tensor of the format of that name, of the numbers nearest to `values`.

    A complex element is two values; without a shape there is one dimension.
    """
    return scenario.tensor(FORMATS[name], values, shape, complex, layout)
