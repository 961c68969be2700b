"""Ports that map arrays to arrays: params, gradients and state are NumPy arrays here.

A subclass says how its optimizer is made and stepped, and where its accumulator is:

    class Adapter(ArrayAdapter):
        name, version = "mine", "1.0"
        claims = ArrayAdapter.PLAIN | {"lr-decay"}

        def make(self, params, options):
            return mine.Adagrad(list(params.values()), **options)

        def update(self, port, params, gradients):
            return port.step(params, gradients)

        def accumulator(self, port, name):
            return port.sums[name]

Params and gradients arrive by name.  What a port works on may be its own kind of array
(`hold`, `show`).  Options are those that the scenario names, by the document's names
(`names` renames them); constants are left out.  All params are in one group, unless a
subclass has `make_groups`.
"""

from __future__ import annotations

import copy
import pickle
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from .base import (
    Adapter,
    Gradient,
    Group,
    OptionValues,
    Reading,
    Sparse,
    Tensor,
)
from .bases.encodings import to_array, to_tensor

__all__ = ["NARROW", "WIDE", "ArrayAdapter", "Arrays"]

#: Params, gradients or others by the name of the param.
Arrays = dict[str, Any]

#: Claims of formats: where a port treats binary64 otherwise than the rest, it is two
#: ports, so that its faults in the one do not hide those in the other.
WIDE = frozenset(["binary64"])
NARROW = frozenset(["binary32", "binary16", "bfloat16", "mixed-formats"])


@dataclass
class _Optimizer:
    """One optimizer: the port's own object, and the names of its params."""

    port: Any
    params: list[str]


class ArrayAdapter(Adapter):
    """Subclasses say how the port is made, stepped and looked into."""

    #: What every subclass can claim that is written as the example above.
    PLAIN = frozenset(
        [
            "binary64",
            "binary32",
            "eps",
            "state",
            "none-gradient",
            "gradients",
            "zero-lr",
        ]
    )
    #: The port's own names of options, where they differ.
    names: Mapping[str, str] = MappingProxyType({})

    # -- what a subclass says ---------------------------------------------------------

    @abstractmethod
    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The port's optimizer over these params, its state included."""

    @abstractmethod
    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays | None:
        """One step; the params that it changed, or None if it did so in place.

        `gradients` has every param of the optimizer; None for no gradient.
        """

    def make_groups(
        self, params: Arrays, groups: list[tuple[list[str], dict[str, Any]]]
    ) -> Any:
        """The same for several groups: their params and options (claim `groups`)."""
        ((_, options),) = groups
        return self.make(params, options)

    def accumulator(self, port: Any, name: str) -> Any:
        """S of a param as an array, or None (claim `state`)."""
        return None

    def counter(self, port: Any, name: str) -> int | None:
        """Steps that this param took, or None where nobody counts."""
        return None

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """Write S and the counter (claim `state-write`)."""
        raise NotImplementedError("state-write")

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """Change an option for the steps to come (claim `set-option`)."""
        raise NotImplementedError("set-option")

    def set_in_group(
        self, port: Any, group: int, option: str, value: float | bool
    ) -> None:
        """The same in a group, where there are several."""
        self.set_one(port, option, value)

    def state(self, port: Any) -> Any:
        """The state as the port gives it away (claim `save`)."""
        raise NotImplementedError("save")

    def restore(self, port: Any, state: Any) -> Any:
        """Take a state back; another object if that is the port's way, or None."""
        raise NotImplementedError("load")

    def to_bytes(self, state: Any) -> bytes:
        """A state as bytes, as users of the port keep it."""
        return pickle.dumps(state)

    def from_bytes(self, raw: bytes) -> Any:
        """The inverse; the bytes are those that this port gave."""
        return pickle.loads(raw)

    def hold(self, name: str, array: Any) -> Any:
        """A param as the port holds it."""
        return array

    def show(self, param: Any) -> Any:
        """A param, or an accumulator, as an array."""
        return param

    def give(self, gradient: Any, like: Any) -> Any:
        """A gradient as the port takes it; `like` is the param that it is of."""
        return gradient

    def rows(self, gradient: Sparse, values: Any, like: Any) -> Any:
        """A sparse gradient as the port takes it (claim `sparse`)."""
        raise NotImplementedError("sparse")

    # -- the protocol -----------------------------------------------------------------

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Hold these params."""
        self.tensors = tensors
        self.params: Arrays = {
            name: self.hold(name, to_array(tensor)) for name, tensor in tensors.items()
        }
        self.gradients: dict[str, Gradient] = dict.fromkeys(tensors)
        self.optimizers: dict[str, _Optimizer] = {}
        self.saves: dict[str, tuple[Any, Any, bytes]] = {}

    def new(
        self, optimizer: str, groups: tuple[Group, ...], options: OptionValues
    ) -> None:
        """Make the port; a group's options override the constructor's."""
        params = {name: self.params[name] for group in groups for name in group.params}
        listed = [
            (list(group.params), self.own_options({**options, **group.options}))
            for group in groups
        ]
        port = self.make_groups(params, listed)
        self.optimizers[optimizer] = _Optimizer(port, list(params))

    def own_options(self, options: OptionValues) -> dict[str, Any]:
        """Options by the port's names, without its constants."""
        return {
            self.names.get(name, name): value
            for name, value in options.items()
            if name not in self.constants
        }

    def set_gradient(self, param: str, gradient: Gradient) -> None:
        """Keep it for the next step."""
        self.gradients[param] = gradient

    def step(self, optimizer: str) -> float | None:
        """Give the gradients and update."""
        made = self.optimizers[optimizer]
        params = {name: self.params[name] for name in made.params}
        gradients = {name: self._given(name) for name in made.params}
        self.params |= self.update(made.port, params, gradients) or {}
        return None

    def _given(self, name: str) -> Any:
        gradient, like = self.gradients[name], self.params[name]
        if gradient is None:
            return None
        if isinstance(gradient, Sparse):
            return self.rows(gradient, to_array(gradient.values), like)
        return self.give(to_array(gradient), like)

    def set_option(
        self, optimizer: str, group: int, option: str, value: float | bool
    ) -> None:
        """Change an option."""
        if option not in self.constants:
            self.set_in_group(self.optimizers[optimizer].port, group, option, value)

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Write accumulator and counter."""
        self.write(self.optimizers[optimizer].port, param, to_array(state_sum), t)

    def save(self, optimizer: str, name: str) -> bytes:
        """The state as it is, deeply copied, and as bytes."""
        made = self.optimizers[optimizer]
        state = self.state(made.port)
        raw = self.to_bytes(state)
        self.saves[name] = (state, copy.deepcopy(state), raw)
        return raw

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """Give a state back to the port."""
        made = self.optimizers[optimizer]
        if via == "same-object":
            state = self.saves[name][0]
        elif via == "deepcopy":
            state = copy.deepcopy(self.saves[name][1])
        else:
            raw = self.saves[name][2] if payload is None else payload
            state = self.from_bytes(raw)
        made.port = self.restore(made.port, state) or made.port

    def read(self, optimizer: str) -> dict[str, Reading]:
        """Params, gradients and state as they are."""
        made = self.optimizers[optimizer]
        return {name: self._reading(made.port, name) for name in made.params}

    def _reading(self, port: Any, name: str) -> Reading:
        total = self.accumulator(port, name)
        return Reading(
            to_tensor(self.show(self.params[name])),
            self.gradients[name],
            None if total is None else to_tensor(self.show(total)),
            self.counter(port, name),
        )
