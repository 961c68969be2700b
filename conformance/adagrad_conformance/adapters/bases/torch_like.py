"""The base of adapters whose port is a Python optimizer with torch's interface.

The interface is a constructor over params or groups, `param_groups`, `step(closure)`,
`zero_grad`, `add_param_group`, `state_dict`, `load_state_dict`; params have `.grad`.
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

__all__ = ["OptimizerAdapter", "Snapshot"]

#: A param after one of many steps: copies of param and accumulator, the counter.
Snapshot = tuple[Any, Any, int | None]


class OptimizerAdapter(Adapter):
    """Subclasses make and show the port's params, tensors and state dicts.

    `params` and `optimizers` are the port's own by name; `saves` hold a state dict, a
    deep copy of it and its bytes by name.
    """

    #: The port's own names of options, where they differ from the document's.
    names: Mapping[str, str] = MappingProxyType({})

    params: dict[str, Any]
    tensors: Mapping[str, Tensor]
    optimizers: dict[str, Any]
    saves: dict[str, tuple[Any, Any, bytes]]

    # -- methods of a subclass ----------------------------------------------------

    @abstractmethod
    def make_optimizer(self, params: list[Any], options: OptionValues) -> Any:
        """Construct the port over params or dicts of groups."""

    @abstractmethod
    def make_param(self, name: str, tensor: Tensor) -> Any:
        """A param of the port with the tensor's bits."""

    @abstractmethod
    def make_tensor(self, tensor: Tensor) -> Any:
        """A tensor of the framework with the same bits and layout."""

    @abstractmethod
    def show_param(self, param: Any) -> Tensor:
        """The bits of a param."""

    @abstractmethod
    def reading(self, name: str, optimizer: Any) -> Reading:
        """The reading of a param; None in it for what the port does not show."""

    @abstractmethod
    def to_bytes(self, state_dict: Any) -> bytes:
        """A state dict as bytes."""

    @abstractmethod
    def from_bytes(self, raw: bytes) -> Any:
        """The inverse of `to_bytes`."""

    def make_rows(self, gradient: Sparse) -> Any:
        """The sparse gradient in the framework's form, uncoalesced (claim `sparse`)."""
        raise NotImplementedError("sparse")

    def snapshot(self, name: str, optimizer: Any) -> Snapshot:
        """Copies of what `trace` shows of a param after a step (`many-steps`)."""
        raise NotImplementedError("many-steps")

    def trace(self, rows: Sequence[Snapshot]) -> Trace:
        """The snapshots after each step as encodings (claim `many-steps`)."""
        raise NotImplementedError("many-steps")

    def make_loss(self, loss: float) -> Any:
        """The loss in the form in which the closure returns it."""
        return loss

    # -- the protocol -------------------------------------------------------------

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Make the params; forget optimizers and saved state dicts."""
        self.tensors = tensors
        self.params = {name: self.make_param(name, t) for name, t in tensors.items()}
        self.optimizers, self.saves = {}, {}

    def new(
        self, optimizer: str, groups: tuple[Group, ...], options: OptionValues
    ) -> None:
        """Construct the port.

        A single group without options becomes plain params; so does any single group
        of a port without the claim `groups`: its options are then the constructor's.
        """
        single = len(groups) == 1
        if single and "groups" not in self.claims:
            options = {**options, **groups[0].options}
            groups = (Group(groups[0].params),)
        listed = [self._group(group) for group in groups]
        params = listed if not single or groups[0].options else listed[0]["params"]
        self.optimizers[optimizer] = self.make_optimizer(params, self._named(options))

    def add_group(self, optimizer: str, group: Group) -> None:
        """Call add_param_group."""
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
        """Assign the gradient to `.grad` of the param."""
        native = None if gradient is None else self.make_gradient(gradient)
        self.params[param].grad = native

    def make_gradient(self, gradient: Tensor | Sparse) -> Any:
        """The gradient in the framework's form."""
        if isinstance(gradient, Sparse):
            return self.make_rows(gradient)
        return self.make_tensor(gradient)

    def step(self, optimizer: str) -> float | None:
        """Call step(); the loss is what it returns."""
        return _as_number(self.optimizers[optimizer].step())

    def many_steps(
        self, optimizer: str, cycle: Sequence[Mapping[str, Gradient]], count: int
    ) -> dict[str, Trace]:
        """Take the steps; snapshots become encodings only after the last one."""
        port = self.optimizers[optimizer]
        native = [
            {n: None if g is None else self.make_gradient(g) for n, g in gs.items()}
            for gs in cycle
        ]
        taken: dict[str, list[Snapshot]] = {name: [] for name in self._members(port)}
        for number in range(count):
            for name, gradient in native[number % len(native)].items():
                self.params[name].grad = gradient
            port.step()
            for name, rows in taken.items():
                rows.append(self.snapshot(name, port))
        return {name: self.trace(rows) for name, rows in taken.items() if rows}

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """Call step(closure); the closure sets the gradients and returns the loss."""

        def closure() -> Any:
            answer = ask({name: self.show_param(p) for name, p in self.params.items()})
            for name, gradient in answer.gradients.items():
                self.set_gradient(name, gradient)
            return self.make_loss(answer.loss)

        return _as_number(self.optimizers[optimizer].step(closure))

    def set_option(
        self, optimizer: str, group: int, option: str, value: float | bool
    ) -> None:
        """Write the option into param_groups, as a scheduler does."""
        self.optimizers[optimizer].param_groups[group] |= self._named({option: value})

    def zero_grad(self, optimizer: str, set_to_none: bool) -> None:
        """Call zero_grad(set_to_none=...)."""
        self.optimizers[optimizer].zero_grad(set_to_none=set_to_none)

    def save(self, optimizer: str, name: str) -> bytes:
        """state_dict() as it is, deeply copied, and as bytes."""
        state = self.optimizers[optimizer].state_dict()
        raw = self.to_bytes(state)
        self.saves[name] = (state, copy.deepcopy(state), raw)
        return raw

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """Call load_state_dict with the kept dict, its copy, or the bytes read."""
        if via == "same-object":
            state = self.saves[name][0]
        elif via == "deepcopy":
            state = copy.deepcopy(self.saves[name][1])
        else:
            raw = self.saves[name][2] if payload is None else payload
            state = self.from_bytes(raw)
        self.optimizers[optimizer].load_state_dict(state)

    def read(self, optimizer: str) -> dict[str, Reading]:
        """The readings of the optimizer's params, by name."""
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
