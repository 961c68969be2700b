"""What adapters share whose port is a Python optimizer with torch's interface.

That is: a constructor over params or groups, `param_groups`, `step(closure)`,
`zero_grad`, `add_param_group`, `state_dict`, `load_state_dict`, params with `.grad`.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from adagrad_conformance.adapters.base import (
    Adapter,
    Ask,
    Gradient,
    Group,
    Malformed,
    OptionValues,
    Reading,
    Sparse,
    Tensor,
    Trace,
)

__all__ = ["OptimizerAdapter", "Passing"]

#: A param in the midst of many steps: copies of param and accumulator, the counter.
Passing = tuple[Any, Any, int | None]


class OptimizerAdapter(Adapter):
    """Subclasses say how params, tensors and state dicts are made and shown."""

    #: The port's own names of options, where they differ.
    names: Mapping[str, str] = MappingProxyType({})

    params: dict[str, Any]
    tensors: Mapping[str, Tensor]
    optimizers: dict[str, Any]
    saves: dict[str, tuple[Any, Any, bytes]]

    # -- what a subclass says -----------------------------------------------------

    @abstractmethod
    def make_optimizer(self, params: list[Any], options: OptionValues) -> Any:
        """Construct the port over params or dicts of groups."""

    @abstractmethod
    def make_param(self, name: str, tensor: Tensor) -> Any:
        """A param of these bits."""

    @abstractmethod
    def make_tensor(self, tensor: Tensor) -> Any:
        """A native tensor of these bits, in their layout."""

    @abstractmethod
    def show_param(self, param: Any) -> Tensor:
        """The bits of a param."""

    @abstractmethod
    def reading(self, name: str, optimizer: Any) -> Reading:
        """All that is to be seen of a param."""

    @abstractmethod
    def to_bytes(self, state_dict: Any) -> bytes:
        """A state dict as bytes."""

    @abstractmethod
    def from_bytes(self, raw: bytes) -> Any:
        """The inverse of `to_bytes`."""

    def make_rows(self, gradient: Sparse) -> Any:
        """A native sparse gradient, as given: uncoalesced (claim `sparse`)."""
        raise NotImplementedError("sparse")

    def passing(self, name: str, optimizer: Any) -> Passing:
        """What `trace` needs of a param after one of many steps (`many-steps`)."""
        raise NotImplementedError("many-steps")

    def trace(self, rows: Sequence[Passing]) -> Trace:
        """What `passing` gave after each step, as encodings (`many-steps`)."""
        raise NotImplementedError("many-steps")

    def make_loss(self, loss: float) -> Any:
        """What the closure returns."""
        return loss

    # -- the protocol -------------------------------------------------------------

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Hold these params."""
        self.tensors = tensors
        self.params = {name: self.make_param(name, t) for name, t in tensors.items()}
        self.optimizers, self.saves = {}, {}

    def new(
        self, optimizer: str, groups: tuple[Group, ...], options: OptionValues
    ) -> None:
        """Construct; a single group without options is given as plain params."""
        listed = [self._group(group) for group in groups]
        plain = len(listed) == 1 and not groups[0].options
        params = listed[0]["params"] if plain else listed
        self.optimizers[optimizer] = self.make_optimizer(params, self._named(options))

    def add_group(self, optimizer: str, group: Group) -> None:
        """add_param_group."""
        self.optimizers[optimizer].add_param_group(self._group(group))

    def _group(self, group: Group) -> dict[str, Any]:
        params = [self.params[name] for name in group.params]
        return {"params": params, **self._named(group.options)}

    def _named(self, options: OptionValues) -> dict[str, float | bool]:
        return {
            self.names.get(name, name): value
            for name, value in options.items()
            if name not in self.constants
        }

    def set_gradient(self, param: str, gradient: Gradient) -> None:
        """Assign .grad."""
        native = None if gradient is None else self.make_gradient(gradient)
        self.params[param].grad = native

    def make_gradient(self, gradient: Tensor | Sparse) -> Any:
        """A native gradient."""
        if isinstance(gradient, Sparse):
            return self.make_rows(gradient)
        return self.make_tensor(gradient)

    def step(self, optimizer: str) -> float | None:
        """step()."""
        return _as_number(self.optimizers[optimizer].step())

    def many_steps(
        self, optimizer: str, cycle: Sequence[Mapping[str, Gradient]], count: int
    ) -> dict[str, Trace]:
        """Take the steps; what passes is copied, and looked at only in the end."""
        port = self.optimizers[optimizer]
        native = [
            {n: None if g is None else self.make_gradient(g) for n, g in gs.items()}
            for gs in cycle
        ]
        seen: dict[str, list[Passing]] = {name: [] for name in self._members(port)}
        for number in range(count):
            for name, gradient in native[number % len(native)].items():
                self.params[name].grad = gradient
            port.step()
            for name, rows in seen.items():
                rows.append(self.passing(name, port))
        return {name: self.trace(rows) for name, rows in seen.items() if rows}

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """step(closure)."""

        def closure() -> Any:
            answer = ask({name: self.show_param(p) for name, p in self.params.items()})
            for name, gradient in answer.gradients.items():
                self.set_gradient(name, gradient)
            return self.make_loss(answer.loss)

        return _as_number(self.optimizers[optimizer].step(closure))

    def set_option(
        self, optimizer: str, group: int, option: str, value: float | bool
    ) -> None:
        """Write into param_groups, as a scheduler does."""
        self.optimizers[optimizer].param_groups[group] |= self._named({option: value})

    def zero_grad(self, optimizer: str, set_to_none: bool) -> None:
        """zero_grad(set_to_none=...)."""
        self.optimizers[optimizer].zero_grad(set_to_none=set_to_none)

    def save(self, optimizer: str, name: str) -> bytes:
        """state_dict() as it is, deeply copied, and as bytes."""
        state = self.optimizers[optimizer].state_dict()
        raw = self.to_bytes(state)
        self.saves[name] = (state, copy.deepcopy(state), raw)
        return raw

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """load_state_dict."""
        if via == "same-object":
            state = self.saves[name][0]
        elif via == "deepcopy":
            state = copy.deepcopy(self.saves[name][1])
        else:
            raw = self.saves[name][2] if payload is None else payload
            state = self.from_bytes(raw)
        self.optimizers[optimizer].load_state_dict(state)

    def read(self, optimizer: str) -> dict[str, Reading]:
        """Params, gradients and state as they are."""
        port = self.optimizers[optimizer]
        return {name: self.reading(name, port) for name in self._members(port)}

    def _members(self, port: Any) -> list[str]:
        members = {id(p) for group in port.param_groups for p in group["params"]}
        return [name for name, p in self.params.items() if id(p) in members]


def _as_number(loss: Any) -> float | None:
    try:
        return None if loss is None else float(loss)
    except (TypeError, ValueError, RuntimeError):
        raise Malformed(f"step() returned {type(loss).__name__}, no loss") from None
