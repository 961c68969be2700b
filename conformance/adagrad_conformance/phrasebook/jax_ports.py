"""Ports on JAX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .phrases import Phrases

__all__ = ["Optax"]


class Optax(Phrases):
    """optax.adagrad."""

    head = (
        'import os; os.environ["JAX_ENABLE_X64"] = "1"',
        "import jax.numpy as jnp, ml_dtypes, numpy as np, optax",
    )

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """A chain, where there is weight decay."""
        rest = dict(options)
        lr, decay, pull = (rest.pop(x, "") for x in ("lr", "lr_decay", "weight_decay"))
        rate = f"lambda count: {lr} / (1 + count * {decay})" if decay else lr
        named = [f"{option}={value}" for option, value in rest.items()]
        made = f"optax.adagrad({', '.join([rate, *named])})"
        if pull:
            made = f"optax.chain(optax.add_decayed_weights({pull}), {made})"
        given = ", ".join(f"{p!r}: jnp.asarray({p})" for p in params)
        return [f"params = {{{given}}}", f"tx = {made}; state = tx.init(params)"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """update, apply_updates."""
        given = ", ".join(f"{p!r}: {g}" for p, g in gradients.items())
        return [
            f"updates, state = tx.update({{{given}}}, state, params)",
            "params = optax.apply_updates(params, updates)",
        ]

    def theta(self, name: str) -> str:
        """By name."""
        return f"np.asarray(params[{name!r}])"

    def total(self, name: str) -> str:
        """The state of scale_by_rss."""
        found = "optax.tree_utils.tree_get(state, 'sum_of_squares')"
        return f"np.asarray({found}[{name!r}])"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """tree_set."""
        sums = "optax.tree_utils.tree_get(state, 'sum_of_squares')"
        changed = f"{{**{sums}, {name!r}: jnp.asarray({array})}}"
        return [
            f"state = optax.tree_utils.tree_set(state, sum_of_squares={changed})",
            f"state = optax.tree_utils.tree_set(state, count=jnp.int32({t}))",
        ]
