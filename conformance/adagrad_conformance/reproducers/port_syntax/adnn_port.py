"""adnn, whose optimizers step a tree of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_reference.scenario import Tensor

from .base import Options
from .javascript import ASSERT, JavaScript, given, object_of

__all__ = ["AdNn"]


class AdNn(JavaScript):
    """opt.adagrad."""

    head = (
        "// npm install adnn@2.0.10",
        ASSERT,
        'import opt from "adnn/opt/index.js";',
        'import Tensor from "adnn/tensor.js";',
    )

    def array(self, tensor: Tensor) -> str:
        """A tensor, made of a flat array."""
        flat = f"[{', '.join(self.number(tensor, x) for x in tensor.values())}]"
        return f"new Tensor({list(tensor.shape)}).fromFlatArray({flat})"

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """A method, and the params that it is to step."""
        return [
            f"var parameters = {object_of({p: p for p in params})};",
            f"var method = opt.adagrad({{ stepSize: {options['lr']} }});",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """One iteration of optimize."""
        known = object_of(given(gradients))
        both = f"() => ({{ parameters, gradients: {known} }})"
        return [f"opt.optimize({both}, {{ iterations: 1, method }});"]

    def theta(self, name: str) -> str:
        """The tensor's data."""
        return f"{name}.data"
