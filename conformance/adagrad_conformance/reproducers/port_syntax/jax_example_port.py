"""jax.example_libraries, and NumPyro, which wraps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax
from .optax_port import ARRAYS, X64, dictionary

__all__ = ["Example", "NumPyro"]


class Example(PortSyntax):
    """jax.example_libraries.optimizers.adagrad: a triple of functions, and a state."""

    head: tuple[str, ...] = (
        X64,
        ARRAYS,
        "from jax.example_libraries import optimizers",
    )
    taken = frozenset("imx")
    read = "get_params(state)"

    def __init__(self) -> None:
        self.moved: tuple[str, ...] = ()

    def _given(self, params: Sequence[str]) -> str:
        """The params as they are made, or as another optimizer left them."""
        given = {p: f"jnp.asarray({p})" for p in params}
        given |= {p: f"{self.read}[{literal(p)}]" for p in params if p in self.moved}
        self.moved = tuple(params)
        return dictionary(given)

    def _rate(self, options: Options) -> str:
        lr, decay = options["lr"], options.get("lr_decay")
        return f"optimizers.inverse_time_decay({lr}, 1, {decay})" if decay else lr

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The triple, and its first state."""
        return [
            f"params = {self._given(params)}",
            "init, update, get_params = "
            f"optimizers.adagrad({self._rate(options)}, momentum=0.0)",
            "state = init(params); i = 0",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of update with the index of the step."""
        return [f"state = update(i, {dictionary(gradients)}, state); i += 1"]

    def theta(self, name: str) -> str:
        """The param of get_params."""
        return f"np.asarray({self.read}[{literal(name)}])"

    def total(self, name: str) -> str:
        """The second of the three numbers that are kept for an element."""
        held = f"optimizers.unpack_optimizer_state(state)[{literal(name)}]"
        return f"np.asarray({held}.subtree[1])"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """An entry of the unpacked state, and the index of the step."""
        mine = literal(name)
        return [
            "marked = optimizers.unpack_optimizer_state(state)",
            f"x, _, m = marked[{mine}].subtree",
            f"marked[{mine}] = optimizers.JoinPoint((x, jnp.asarray({array}), m))",
            f"state = optimizers.pack_optimizer_state(marked); i = {literal(t)}",
        ]


class NumPyro(Example):
    """numpyro.optim.Adagrad, whose state holds the index of the step."""

    head = (*Example.head, "import numpyro.optim")
    read = "tx.get_params((i, state))"

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The object, and its first state."""
        made = f"numpyro.optim.Adagrad({self._rate(options)}, momentum=0.0)"
        return [
            f"params = {self._given(params)}",
            f"tx = {made}; i, state = tx.init(params)",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of update."""
        return [f"i, state = tx.update({dictionary(gradients)}, (i, state))"]

    def count(self, name: str) -> str:
        """The index of the step."""
        return "int(i)"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """An entry of the unpacked state, and the index as an array."""
        return [*super().state(name, array, t), "i = jnp.array(i)"]
