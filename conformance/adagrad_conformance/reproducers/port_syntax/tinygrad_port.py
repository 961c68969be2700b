"""tinygrad, which evaluates the operator of ONNX."""

from __future__ import annotations

from adagrad_conformance.reproducers.literals import python_literal as literal

from .onnx_port import MODEL, Onnx

__all__ = ["Tinygrad", "TinygradRealized"]


class Tinygrad(Onnx):
    """The operator in OnnxRunner; X and H hold lazy Tensors."""

    head = (
        "import numpy as np",
        "from onnx import TensorProto, helper",
        "from tinygrad import Tensor",
        "from tinygrad.nn.onnx import OnnxRunner",
        *MODEL,
        "X, H, T, run = {}, {}, {}, {}",
    )

    def param(self, name: str, array: str) -> list[str]:
        """A Tensor in X."""
        super().param(name, array)
        return [f"X[{literal(name)}] = Tensor({array})"]

    def runner(self, model: str) -> str:
        """An OnnxRunner of the serialized model."""
        return f"OnnxRunner(Tensor({model}.SerializeToString()))"

    def sums(self, name: str, tau: str) -> str:
        """A Tensor in H."""
        mine = literal(name)
        return f"H[{mine}] = Tensor(np.full_like(X[{mine}].numpy(), {tau}))"

    def given(self, gradient: str) -> str:
        """A Tensor."""
        return f"Tensor({gradient})"

    def run(self, name: str, feeds: str) -> list[str]:
        """One evaluation; both results are read, as in a loop that prints them."""
        mine = literal(name)
        read = f"print(X[{mine}].numpy(), H[{mine}].numpy())"
        return [*self._evaluated(mine, feeds), read]

    def _evaluated(self, mine: str, feeds: str) -> list[str]:
        return [
            f"out = run[{mine}]({feeds})",
            f"X[{mine}], H[{mine}] = out['X2'], out['H2']",
        ]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """A Tensor in H, and an entry of T."""
        mine = literal(name)
        return [f"H[{mine}] = Tensor({array}); T[{mine}] = {literal(t)}"]

    def theta(self, name: str) -> str:
        """The Tensor in X as a NumPy array."""
        return f"X[{literal(name)}].numpy()"

    def total(self, name: str) -> str:
        """The Tensor in H as a NumPy array."""
        return f"H[{literal(name)}].numpy()"


class TinygradRealized(Tinygrad):
    """The same operator; Tensor.realize computes both results after each step."""

    def run(self, name: str, feeds: str) -> list[str]:
        """One evaluation, realized at once."""
        mine = literal(name)
        realized = f"Tensor.realize(X[{mine}], H[{mine}])"
        return [*self._evaluated(mine, feeds), realized]
