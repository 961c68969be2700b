"""optax.adagrad on JAX: plain, compiled, and with its hyperparameters injected.

Documented: `where(S > 0, rsqrt(S + eps), 0) * g`, S starting at 0.1, eps 1e-7; the rate
is a number or a schedule of the count of updates, which begins at 0; weight decay is
chained in front of it (`add_decayed_weights`), as for the other optimizers of optax,
and only where an option names it.  Groups are labels of `partition`; each has a state
of its own.  `inject_hyperparams` keeps the options in the state, where a user can
change them between steps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adagrad_conformance.adapters.bases.jax import (
    JaxAdapter,  # before JAX: it asks for binary64
)

import jax  # isort: skip
import jax.numpy as jnp
import optax
from optax.tree_utils import tree_get

from adagrad_conformance.adapters.arrays import Arrays

__all__ = ["InjectedAdapter", "JittedAdapter", "OptaxAdapter"]

#: Where `inject_hyperparams` keeps the options in the state.
_OPTIONS = "hyperparams"


def _adagrad(
    lr: Any,
    lr_decay: Any = 0.0,
    weight_decay: Any = None,
    initial_accumulator_value: Any = 0.1,
    eps: Any = 1e-7,
) -> Any:
    """The chain that users write; without lr_decay the rate is a number."""
    plain = isinstance(lr_decay, float) and not lr_decay
    rate = lr if plain else lambda count: lr / (1 + count * lr_decay)
    chain = optax.adagrad(rate, initial_accumulator_value, eps)
    if weight_decay is None:
        return chain
    return optax.chain(optax.add_decayed_weights(weight_decay), chain)


class _Port:
    """A transformation and its state; `labels` number the groups of params."""

    def __init__(
        self, params: Arrays, groups: list[Any], labels: dict[str, int]
    ) -> None:
        self.labels = labels
        self.several = len(groups) > 1
        self.groups = groups
        self.state = self.join().init(params)
        self.step = self._step

    def join(self) -> Any:
        """The transformation of all groups, from now on the one of each step."""
        parts = dict(enumerate(self.groups))
        several = self.several
        self.chain = optax.partition(parts, self.labels) if several else self.groups[0]
        return self.chain

    def _step(self, params: Arrays, state: Any, gradients: Arrays) -> Any:
        updates, state = self.chain.update(gradients, state, params)
        return optax.apply_updates(params, updates), state

    def of(self, group: int) -> Any:
        """The state of a group."""
        return self.state.inner_states[group] if self.several else self.state

    def change(self, group: int, change: Callable[[Any], Any]) -> None:
        """Replace the state of a group."""
        changed = change(self.of(group))
        if self.several:
            states = {**self.state.inner_states, group: changed}
            changed = self.state._replace(inner_states=states)
        self.state = changed


class OptaxAdapter(JaxAdapter):
    """Drives `optax.adagrad` as its documentation shows."""

    name, version = "optax", optax.__version__
    dialect = "optax"
    claims = JaxAdapter.PLAIN | {
        *("groups", "lr-decay", "weight-decay", "initial-accumulator-value"),
        *("zero-accumulator", "zero-eps"),
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """A transformation for the only group."""
        return self.make_groups(params, [(list(params), options)])

    def make_groups(
        self, params: Arrays, groups: list[tuple[list[str], dict[str, Any]]]
    ) -> Any:
        """A transformation for each group."""
        labels = {p: number for number, (names, _) in enumerate(groups) for p in names}
        return _Port(params, [self.chain(own) for _, own in groups], labels)

    def chain(self, options: dict[str, Any]) -> Any:
        """A transformation with these options."""
        return _adagrad(**options)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """Calls of update and apply_updates."""
        moved, port.state = port.step(params, port.state, gradients)
        return dict(moved)

    def accumulator(self, port: Any, name: str) -> Any:
        """The field sum_of_squares of the param's group."""
        parts = jax.tree.leaves(port.of(port.labels[name]), is_leaf=_is_part)
        return next(p for p in parts if _is_root(p)).sum_of_squares[name]

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """Fields of the named tuples; without a schedule there is no count."""

        def sums(part: Any) -> Any:
            if not _is_root(part):
                return part
            new = {**part.sum_of_squares, name: jnp.asarray(accumulator)}
            return part._replace(sum_of_squares=new)

        def count(part: Any) -> Any:
            counts = isinstance(part, optax.ScaleByScheduleState)
            return part._replace(count=jnp.int32(t)) if counts else part

        port.change(
            port.labels[name], lambda own: jax.tree.map(sums, own, is_leaf=_is_part)
        )
        port.state = jax.tree.map(count, port.state, is_leaf=_is_part)


def _is_root(part: Any) -> bool:
    return isinstance(part, optax.ScaleByRssState)


def _is_part(part: Any) -> bool:
    return _is_root(part) or isinstance(part, optax.ScaleByScheduleState)


class JittedAdapter(OptaxAdapter):
    """The same optimizer; its step is compiled, as by nearly every user."""

    name = "optax/jit"

    def make_groups(
        self, params: Arrays, groups: list[tuple[list[str], dict[str, Any]]]
    ) -> Any:
        """The step, compiled anew for every optimizer."""
        port = super().make_groups(params, groups)
        port.step = jax.jit(port.step)
        return port


class InjectedAdapter(OptaxAdapter):
    """The options are in the state, from which each step takes them."""

    name = "optax/injected"
    claims = OptaxAdapter.claims | {
        *("set-option", "save", "load-bytes", "load-deepcopy", "load-same-object"),
        "load-new-process",
    }

    def chain(self, options: dict[str, Any]) -> Any:
        """All options but that of a decay that is not chained are injected."""
        return optax.inject_hyperparams(_adagrad)(**options)

    def state(self, port: Any) -> Any:
        """The tree of arrays, with the options, on the host."""
        return jax.device_get(port.state)

    def restore(self, port: Any, state: Any) -> None:
        """The state, which is a value, under the transformation that it belongs to."""
        port.state = state
        for group in range(len(port.groups)):
            port.groups[group] = self.chain(dict(tree_get(port.of(group), _OPTIONS)))
        port.join()

    def set_in_group(
        self, port: Any, group: int, option: str, value: float | bool
    ) -> None:
        """An entry of the state's hyperparams.

        A weight decay that was not chained is chained now, in front of the same state.
        """

        held = dict(tree_get(port.of(group), _OPTIONS))
        chained = option == "weight_decay" and option not in held
        held[option] = jnp.asarray(value)

        def changed(part: Any) -> Any:
            if not _is_injected(part):
                return part
            inner = part.inner_state
            if chained:
                inner = (optax.EmptyState(), inner)
            return part._replace(hyperparams=held, inner_state=inner)

        port.change(group, lambda own: jax.tree.map(changed, own, is_leaf=_is_injected))
        if chained:
            port.groups[group] = self.chain(held)
            port.join()


def _is_injected(part: Any) -> bool:
    return isinstance(part, optax.schedules.InjectStatefulHyperparamsState)
