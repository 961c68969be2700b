"""Ports on JAX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .base import Phrases

__all__ = ["Example", "NumPyro", "Optax", "OptaxInjected", "OptaxJit"]

_X64 = 'import os; os.environ["JAX_ENABLE_X64"] = "1"'
_ARRAYS = "import jax.numpy as jnp, ml_dtypes, numpy as np"

#: What optax has for options that nobody gives.
_UNSAID = {
    "lr_decay": "0.0",
    "weight_decay": "0.0",
    "initial_accumulator_value": "0.1",
    "eps": "1e-7",
}


def _dict(values: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{name!r}: {text}" for name, text in values.items()) + "}"


def _arguments(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={text}" for name, text in values.items())


class Optax(Phrases):
    """optax.adagrad."""

    head: tuple[str, ...] = (_X64, _ARRAYS, "import optax")
    found = "optax.tree_utils.tree_get(state, 'sum_of_squares')"

    def __init__(self) -> None:
        self.moved: tuple[str, ...] = ()

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """A chain, where there is weight decay; moved params stay where they are."""
        given = {p: f"jnp.asarray({p})" for p in params}
        given |= {p: f"params[{p!r}]" for p in params if p in self.moved}
        self.moved = tuple(params)
        return [
            f"params = {_dict(given)}",
            f"tx = {self.chain(options)}; state = tx.init(params)",
        ]

    def chain(self, options: Mapping[str, str]) -> str:
        """The transformation."""
        rest = dict(options)
        lr, decay, pull = (rest.pop(x, "") for x in ("lr", "lr_decay", "weight_decay"))
        rate = f"lambda count: {lr} / (1 + count * {decay})" if decay else lr
        made = f"optax.adagrad({', '.join(filter(None, [rate, _arguments(rest)]))})"
        if not pull:
            return made
        return f"optax.chain(optax.add_decayed_weights({pull}), {made})"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """update, apply_updates."""
        return [
            f"updates, state = tx.update({_dict(gradients)}, state, params)",
            "params = optax.apply_updates(params, updates)",
        ]

    def theta(self, name: str) -> str:
        """By name."""
        return f"np.asarray(params[{name!r}])"

    def total(self, name: str) -> str:
        """The state of scale_by_rss."""
        return f"np.asarray({self.found}[{name!r}])"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """tree_set, which leaves other trees than those with the key alone."""
        sums = f"{{**{self.found}, {name!r}: jnp.asarray({array})}}"
        return [
            f"state = optax.tree_utils.tree_set(state, sum_of_squares={sums})",
            "if optax.tree_utils.tree_get(state, 'count') is not None: "
            f"state = optax.tree_utils.tree_set(state, count=jnp.int32({t}))",
        ]


class OptaxJit(Optax):
    """The same, its whole step compiled."""

    head = (_X64, _ARRAYS, "import jax, optax")

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """The step beside it."""
        return [
            *super().new(params, options),
            "@jax.jit",
            "def step(params, state, gradients):",
            "    updates, state = tx.update(gradients, state, params)",
            "    return optax.apply_updates(params, updates), state",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call."""
        return [f"params, state = step(params, state, {_dict(gradients)})"]


class OptaxInjected(Optax):
    """optax.adagrad and weight decay under inject_hyperparams."""

    head = (
        *Optax.head,
        "def chain(lr, lr_decay, weight_decay, tau, eps):",
        "    rate = lambda count: lr / (1 + count * lr_decay)",
        "    adagrad = optax.adagrad(rate, tau, eps)",
        "    return optax.chain(optax.add_decayed_weights(weight_decay), adagrad)",
    )

    def chain(self, options: Mapping[str, str]) -> str:
        """All options are injected."""
        chosen = {**_UNSAID, **options}
        chosen["tau"] = chosen.pop("initial_accumulator_value")
        return f"optax.inject_hyperparams(chain)({_arguments(chosen)})"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The state within, whose keys are not those of the state around it."""
        sums = f"{{**{self.found}, {name!r}: jnp.asarray({array})}}"
        within = "optax.tree_utils.tree_set(state.inner_state, "
        return [
            f"inner = {within}sum_of_squares={sums})",
            f"inner = optax.tree_utils.tree_set(inner, count=jnp.int32({t}))",
            "state = state._replace(inner_state=inner)",
        ]

    def option(self, option: str, value: str) -> list[str]:
        """hyperparams."""
        name = "tau" if option == "initial_accumulator_value" else option
        return [f"state.hyperparams[{name!r}] = jnp.asarray({value})"]

    def save(self, name: str) -> list[str]:
        """A state is a value."""
        return [f"{name} = state"]

    def load(self, name: str, via: str) -> list[str]:
        """Take it back."""
        return [f"state = {name}"]


class Example(Phrases):
    """jax.example_libraries.optimizers.adagrad."""

    head: tuple[str, ...] = (
        _X64,
        _ARRAYS,
        "from jax.example_libraries import optimizers",
    )
    rate = "optimizers.inverse_time_decay"
    read = "get_params(state)"

    def __init__(self) -> None:
        self.moved: tuple[str, ...] = ()

    def _given(self, params: Sequence[str]) -> str:
        """As they are made; as they are, where another optimizer had them."""
        given = {p: f"jnp.asarray({p})" for p in params}
        given |= {p: f"{self.read}[{p!r}]" for p in params if p in self.moved}
        self.moved = tuple(params)
        return _dict(given)

    def _rate(self, options: Mapping[str, str]) -> str:
        lr, decay = options["lr"], options.get("lr_decay")
        return f"{self.rate}({lr}, 1, {decay})" if decay else lr

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """The triple, and its state."""
        return [
            f"params = {self._given(params)}",
            "init, update, get_params = "
            f"optimizers.adagrad({self._rate(options)}, momentum=0.0)",
            "state = init(params); i = 0",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """update(i, gradients, state)."""
        return [f"state = update(i, {_dict(gradients)}, state); i += 1"]

    def theta(self, name: str) -> str:
        """get_params."""
        return f"np.asarray(get_params(state)[{name!r}])"

    def total(self, name: str) -> str:
        """The second of three."""
        held = f"optimizers.unpack_optimizer_state(state)[{name!r}]"
        return f"np.asarray({held}.subtree[1])"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Into the unpacked state."""
        return [
            "marked = optimizers.unpack_optimizer_state(state)",
            f"x, _, m = marked[{name!r}].subtree",
            f"marked[{name!r}] = optimizers.JoinPoint((x, jnp.asarray({array}), m))",
            f"state = optimizers.pack_optimizer_state(marked); i = {t}",
        ]


class NumPyro(Example):
    """numpyro.optim.Adagrad."""

    head = (*Example.head, "import numpyro.optim")
    read = "tx.get_params((i, state))"

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """The object, and its state."""
        made = f"numpyro.optim.Adagrad({self._rate(options)}, momentum=0.0)"
        return [
            f"params = {self._given(params)}",
            f"tx = {made}; i, state = tx.init(params)",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """update."""
        return [f"i, state = tx.update({_dict(gradients)}, (i, state))"]

    def theta(self, name: str) -> str:
        """get_params."""
        return f"np.asarray(tx.get_params((i, state))[{name!r}])"

    def count(self, name: str) -> str:
        """The index."""
        return "int(i)"

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Into the unpacked state; the index is an array."""
        return [*super().state(name, array, t), "i = jnp.array(i)"]
