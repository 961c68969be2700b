"""All that a script needs to drive a port by hand, through its adapter.

    from adagrad_conformance.by_hand import Group, New, Step, load_adapter, tensor

    port = load_adapter("numpy")
    port.begin({"p": tensor("binary64", [1.0])})
    port.perform(New("A", (Group(("p",)),), {"lr": 0.5}))
    port.perform(Step("A", {"p": tensor("binary64", [2.0])}))
    print(port.read("A")["p"].theta.values())

`load_adapter` takes what the command takes as TARGET, but for `exec:COMMAND`.
"""

from __future__ import annotations

from collections.abc import Sequence

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

from .adapters.base import ClosureAnswer, Refused
from .scenarios.build import tensor as _tensor
from .targets import load_adapter

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
    bits = _tensor(FORMATS[name], values).bits
    size = len(bits) // (2 if complex else 1)
    return Tensor(name, (size,) if shape is None else shape, bits, complex, layout)
