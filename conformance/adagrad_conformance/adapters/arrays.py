"""The base of adapters whose port maps arrays to arrays, by way of NumPy.

A subclass makes and steps the port's optimizer, and shows its accumulator:

    class Adapter(ArrayAdapter):
        name, version = "mine", "1.0"
        claims = ArrayAdapter.PLAIN | {"lr-decay"}

        def make(self, params, options):
            return mine.Adagrad(list(params.values()), **options)

        def update(self, port, params, gradients):
            return port.step(params, gradients)

        def accumulator(self, port, name):
            return port.sums[name]

Params and gradients are passed by name.  `hold` and `show` translate to the port's own
kind of array and back.  Options are those that the scenario names, by the document's
names (`names` renames them); constants are left out.  All params are in one group,
unless a subclass has `make_groups`.
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

#: Claims of formats.  A port that treats binary64 otherwise than the rest stands in the
#: registry twice, so that its faults in one do not hide those in the other.
WIDE = frozenset(["binary64"])
NARROW = frozenset(["binary32", "binary16", "bfloat16", "mixed-formats"])


@dataclass
class _Optimizer:
    """One optimizer: the port's own object, and the names of its params."""

    port: Any
    params: list[str]


class ArrayAdapter(Adapter):
    """Subclasses make, step and show the port, and more where they claim more."""

    #: The claims of a subclass like the example above.
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
    #: The port's own names of options, where they differ from the document's.
    names: Mapping[str, str] = MappingProxyType({})

    # -- methods of a subclass --------------------------------------------------------

    @abstractmethod
    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The port's optimizer over these params, its state included."""

    @abstractmethod
    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays | None:
        """Step once; returns the changed params, or None if they changed in place.

        `gradients` has every param of the optimizer; None for no gradient.
        """

    def make_groups(
        self, params: Arrays, groups: list[tuple[list[str], dict[str, Any]]]
    ) -> Any:
        """The port's optimizer over groups of params and options (claim `groups`)."""
        ((_, options),) = groups
        return self.make(params, options)

    def accumulator(self, port: Any, name: str) -> Any:
        """S of a param as an array, or None (claim `state`)."""
        return None

    def counter(self, port: Any, name: str) -> int | None:
        """The steps of the param, or None where the port has no counter."""
        return None

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """Write S and the counter of a param (claim `state-write`)."""
        raise NotImplementedError("state-write")

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """Change an option of the only group, from the next step (`set-option`)."""
        raise NotImplementedError("set-option")

    def set_in_group(
        self, port: Any, group: int, option: str, value: float | bool
    ) -> None:
        """Change an option of one of several groups, from the next step."""
        self.set_one(port, option, value)

    def state(self, port: Any) -> Any:
        """The port's own form of its state (claim `save`)."""
        raise NotImplementedError("save")

    def restore(self, port: Any, state: Any) -> Any:
        """Load a state; returns a new object of the port, or None for the same one."""
        raise NotImplementedError("load")

    def to_bytes(self, state: Any) -> bytes:
        """A state as bytes, by the means that users of the port have."""
        return pickle.dumps(state)

    def from_bytes(self, raw: bytes) -> Any:
        """The inverse of `to_bytes`, for bytes that this port made."""
        return pickle.loads(raw)

    def hold(self, name: str, array: Any) -> Any:
        """A param in the port's form."""
        return array

    def show(self, param: Any) -> Any:
        """A param, or an accumulator, as a NumPy array."""
        return param

    def give(self, gradient: Any, like: Any) -> Any:
        """The gradient of the param `like`, in the port's form."""
        return gradient

    def rows(self, gradient: Sparse, values: Any, like: Any) -> Any:
        """A sparse gradient of the param `like` in the port's form (`sparse`)."""
        raise NotImplementedError("sparse")

    # -- the protocol -----------------------------------------------------------------

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Make the params; forget optimizers, gradients and saved states."""
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
        """Make the port's optimizer; a group's options override the constructor's."""
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
        """Keep the gradient for the next step."""
        self.gradients[param] = gradient

    def step(self, optimizer: str) -> float | None:
        """Pass params and gradients to `update`; array ports return no loss."""
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
        """Change an option of a group; a constant stays."""
        if option not in self.constants:
            self.set_in_group(self.optimizers[optimizer].port, group, option, value)

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Write accumulator and counter of a param."""
        self.write(self.optimizers[optimizer].port, param, to_array(state_sum), t)

    def save(self, optimizer: str, name: str) -> bytes:
        """Keep the state itself, a deep copy and its bytes; returns the bytes."""
        made = self.optimizers[optimizer]
        state = self.state(made.port)
        raw = self.to_bytes(state)
        self.saves[name] = (state, copy.deepcopy(state), raw)
        return raw

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """Restore the kept state, its copy, or the state of the bytes."""
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
        """The readings of the optimizer's params, by name."""
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
