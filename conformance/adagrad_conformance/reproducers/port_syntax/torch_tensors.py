"""What all scripts of ports around torch have in common: params are tensors."""

from __future__ import annotations

from collections.abc import Mapping

from adagrad_conformance.adapters.base import Sparse
from adagrad_conformance.reproducers.torch_script.tensors import (
    MAKERS,
    gradient_text,
    tensor_text,
)
from adagrad_reference.scenario import Tensor

from .base import PortSyntax

__all__ = ["HELPERS", "Tensors"]

#: What the numbers of tensors need.
HELPERS: Mapping[str, str] = {
    "inf": "from math import inf",
    "nan": "from math import nan",
    **{
        maker: f"{maker} = lambda v: torch.tensor(v, dtype=torch.{dtype})"
        for maker, dtype in MAKERS.values()
    },
}


class Tensors(PortSyntax):
    """Params and gradients are tensors; complex ones are shown as pairs."""

    helpers = HELPERS
    taken = frozenset(HELPERS)

    def __init__(self) -> None:
        self.complex: set[str] = set()

    def param(self, name: str, array: str) -> list[str]:
        """A plain tensor."""
        self.note(name, array)
        return [f"{name} = {array}"]

    def note(self, name: str, array: str) -> None:
        """Remember whether a param is complex."""
        if "c128(" in array or "c64(" in array:
            self.complex.add(name)

    def shown(self, name: str, text: str) -> str:
        """A tensor of a param, as real numbers."""
        return f"torch.view_as_real({text})" if name in self.complex else text

    def array(self, tensor: Tensor) -> str:
        """A tensor as source text."""
        return tensor_text(tensor)

    def sparse(self, gradient: Sparse) -> str:
        """A COO tensor."""
        return gradient_text(gradient)

    def theta(self, name: str) -> str:
        """The param without its graph."""
        return self.shown(name, f"{name}.detach()")
