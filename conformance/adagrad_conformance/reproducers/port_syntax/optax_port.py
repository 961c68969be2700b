"""optax, with its step compiled or not, and with injected hyperparameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax, keywords

__all__ = ["ARRAYS", "X64", "Optax", "OptaxInjected", "OptaxJit", "dictionary"]

#: First lines of scripts on JAX.
X64 = 'import os; os.environ["JAX_ENABLE_X64"] = "1"'
ARRAYS = "import jax.numpy as jnp, numpy as np"

#: What optax has for options that are not given.
_DEFAULTS = {
    "lr_decay": "0.0",
    "initial_accumulator_value": "0.1",
    "eps": "1e-7",
}


def dictionary(values: Mapping[str, str]) -> str:
    """A dictionary of names whose values are source text."""
    return (
        f"{{{', '.join(f'{literal(name)}: {text}' for name, text in values.items())}}}"
    )


class Optax(PortSyntax):
    """optax.adagrad over a dictionary of params."""

    head: tuple[str, ...] = (X64, ARRAYS, "import optax")
    sums = "optax.tree_utils.tree_get(state, 'sum_of_squares')"

    def __init__(self) -> None:
        self.moved: tuple[str, ...] = ()

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The transformation and its state; params keep what they hold."""
        given = {p: f"jnp.asarray({p})" for p in params}
        given |= {p: f"params[{literal(p)}]" for p in params if p in self.moved}
        self.moved = tuple(params)
        return [
            f"params = {dictionary(given)}",
            f"tx = {self.chain(options)}; state = tx.init(params)",
        ]

    def chain(self, options: Options) -> str:
        """The transformation; with weight decay it is a chain of two."""
        rest = dict(options)
        lr, decay, pull = (rest.pop(x, "") for x in ("lr", "lr_decay", "weight_decay"))
        rate = f"lambda count: {lr} / (1 + count * {decay})" if decay else lr
        made = f"optax.adagrad({', '.join(filter(None, [rate, *keywords(rest)]))})"
        if not pull:
            return made
        return f"optax.chain(optax.add_decayed_weights({pull}), {made})"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """Calls of update and apply_updates."""
        return [
            f"updates, state = tx.update({dictionary(gradients)}, state, params)",
            "params = optax.apply_updates(params, updates)",
        ]

    def theta(self, name: str) -> str:
        """The param by its name."""
        return f"np.asarray(params[{literal(name)}])"

    def total(self, name: str) -> str:
        """The accumulator in the state of scale_by_rss."""
        return f"np.asarray({self.sums}[{literal(name)}])"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Calls of tree_set, which replaces the trees of one key."""
        count = f"count=jnp.int32({literal(t)})"
        return [
            f"state = optax.tree_utils.tree_set(state, {self._written(name, array)})",
            "if optax.tree_utils.tree_get(state, 'count') is not None: "
            f"state = optax.tree_utils.tree_set(state, {count})",
        ]

    def _written(self, name: str, array: str) -> str:
        sums = f"{{**{self.sums}, {literal(name)}: jnp.asarray({array})}}"
        return f"sum_of_squares={sums}"


class OptaxJit(Optax):
    """The same transformation; a whole step is compiled."""

    head = (X64, ARRAYS, "import jax, optax")

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The transformation, its state and the step."""
        return [
            *super().new(params, options),
            "@jax.jit",
            "def step(params, state, gradients):",
            "    updates, state = tx.update(gradients, state, params)",
            "    return optax.apply_updates(params, updates), state",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of the step."""
        return [f"params, state = step(params, state, {dictionary(gradients)})"]


class OptaxInjected(Optax):
    """optax.adagrad and weight decay under inject_hyperparams."""

    head = (
        *Optax.head,
        "def chain(lr, lr_decay, tau, eps, weight_decay=None):",
        "    rate = lambda count: lr / (1 + count * lr_decay)",
        "    adagrad = optax.adagrad(rate, tau, eps)",
        "    if weight_decay is None: return adagrad",
        "    return optax.chain(optax.add_decayed_weights(weight_decay), adagrad)",
    )

    def __init__(self) -> None:
        super().__init__()
        self.decays = False  #: whether weight decay is chained

    def chain(self, options: Options) -> str:
        """The chain, of two where weight decay is named, with all options injected."""
        chosen = {**_DEFAULTS, **options}
        chosen["tau"] = chosen.pop("initial_accumulator_value")
        self.decays = "weight_decay" in options
        return f"optax.inject_hyperparams(chain)({', '.join(keywords(chosen))})"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Calls of tree_set on the inner state, whose keys the outer state shares."""
        inner = f"state.inner_state, {self._written(name, array)}"
        return [
            f"inner = optax.tree_utils.tree_set({inner})",
            f"inner = optax.tree_utils.tree_set(inner, count=jnp.int32({literal(t)}))",
            "state = state._replace(inner_state=inner)",
        ]

    def option(self, option: str, value: str) -> list[str]:
        """An entry of hyperparams; weight decay is chained now if it was not."""
        name = "tau" if option == "initial_accumulator_value" else option
        lines = [f"state.hyperparams[{literal(name)}] = jnp.asarray({value})"]
        if name == "weight_decay" and not self.decays:
            self.decays = True
            inner = "(optax.EmptyState(), state.inner_state)"
            lines += [
                "tx = optax.inject_hyperparams(chain)(**state.hyperparams)",
                f"state = state._replace(inner_state={inner})",
            ]
        return lines

    def save(self, name: str) -> list[str]:
        """The state, which is a value."""
        return [f"{name} = state"]

    def load(self, name: str, via: str) -> list[str]:
        """The state that was kept."""
        return [f"state = {name}"]
