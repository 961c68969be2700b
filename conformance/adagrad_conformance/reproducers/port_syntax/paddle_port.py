"""PaddlePaddle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax, keywords

__all__ = ["Paddle"]


class Paddle(PortSyntax):
    """paddle.optimizer.Adagrad; lr_decay is that of a scheduler."""

    head = (
        "import io, numpy as np, paddle",
        "from paddle.optimizer import Adagrad",
        "from paddle.optimizer.lr import InverseTimeDecay",
    )

    def __init__(self) -> None:
        self.decays = False

    def param(self, name: str, array: str) -> list[str]:
        """A parameter that is initialized with the array."""
        dtype = "float64" if "float64" in array else "float32"
        initial = f"paddle.nn.initializer.Assign({name})"
        made = f"{name}.shape, {literal(dtype)}, default_initializer={initial}"
        return [f"{name} = {array}", f"{name} = paddle.create_parameter({made})"]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor; with decay, its rate is a scheduler."""
        rest, lines = dict(options), []
        lr, decay = rest.pop("lr"), rest.pop("lr_decay", "")
        self.decays = bool(decay)
        if decay:
            lines, lr = [f"rate = InverseTimeDecay({lr}, {decay})"], "rate"
        listed = f"parameters=[{', '.join(params)}]"
        made = ", ".join([lr, listed, *keywords(rest, {"eps": "epsilon"})])
        return [*lines, f"optimizer = Adagrad({made})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """The gradients are set, then the optimizer and the scheduler step."""
        lines = []
        for name, gradient in gradients.items():
            given = "None" if gradient == "None" else f"paddle.to_tensor({gradient})"
            lines.append(f"{name}.grad = {given}")
        return [*lines, "optimizer.step()", *(["rate.step()"] if self.decays else [])]

    def save(self, name: str) -> list[str]:
        """The bytes of paddle.save."""
        return [f"{name} = io.BytesIO(); paddle.save(optimizer.state_dict(), {name})"]

    def load(self, name: str, via: str) -> list[str]:
        """The state dict of paddle.load."""
        loaded = f"paddle.load(io.BytesIO({name}.getvalue()))"
        again = ["rate.step(rate.last_epoch)"] if self.decays else []
        return [f"optimizer.set_state_dict({loaded})", *again]

    def theta(self, name: str) -> str:
        """The parameter as a NumPy array."""
        return f"{name}.numpy()"

    def total(self, name: str) -> str:
        """The entry of the state dict that is named after the parameter."""
        found = f"k.startswith({name}.name + '_moment')"
        return f"next(v for k, v in optimizer.state_dict().items() if {found}).numpy()"

    def count(self, name: str) -> str:
        """The counter of the scheduler."""
        return "rate.last_epoch"
