"""mxnet.optimizer.AdaGrad on the CPU.

Documented: `history += square(grad)`, `weight += (grad / sqrt(history + eps) +
weight * wd) * -lr`; an `Updater` makes the history of a weight at its first update, by
an index, and `get_states` returns all histories.  Decay is a term of the formula
whatever it is.  Arrays without elements, and scalars, exist once `set_np_shape` has
turned NumPy's shapes on, as here.  A schedule of the rate counts the most updates of
any weight, which no dialect here describes.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import mxnet

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays

__all__ = ["MxnetAdapter"]

mxnet.util.set_np_shape(True)


@dataclass
class _Port:
    updater: Any
    places: dict[str, int]


class MxnetAdapter(ArrayAdapter):
    """Calls an `Updater` for each weight that has a gradient."""

    name, version, language = "mxnet", mxnet.__version__, "Python (MXNet)"
    dialect = "mxnet"
    constants = MappingProxyType({"lr_decay": 0.0, "initial_accumulator_value": 0.0})
    names = MappingProxyType({"lr": "learning_rate", "weight_decay": "wd"})
    claims = ArrayAdapter.PLAIN | {
        *("binary16", "mixed-formats", "weight-decay", "zero-eps", "state-write"),
        *("save", "load-bytes", "load-deepcopy", "load-same-object"),
        "load-new-process",
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """An updater, and the indices of the weights."""
        updater = mxnet.optimizer.get_updater(mxnet.optimizer.AdaGrad(**options))
        return _Port(updater, {name: i for i, name in enumerate(params)})

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """One step; the params change in place."""
        for name, param in params.items():
            if gradients[name] is not None:
                port.updater(port.places[name], gradients[name], param)

    def accumulator(self, port: Any, name: str) -> Any:
        """The history, once there is one."""
        return port.updater.states.get(port.places[name])

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The history in the updater's states."""
        port.updater.states[port.places[name]] = self.hold(name, accumulator)
        port.updater.states_synced[port.places[name]] = True

    def state(self, port: Any) -> Any:
        """The bytes of get_states, with the options."""
        return port.updater.get_states(dump_optimizer=True)

    def restore(self, port: Any, state: Any) -> None:
        """A call of set_states."""
        port.updater.set_states(state)

    def to_bytes(self, state: Any) -> bytes:
        """The state is bytes already."""
        return bytes(state)

    def from_bytes(self, raw: bytes) -> Any:
        """The state is bytes already."""
        return raw

    def hold(self, name: str, array: Any) -> Any:
        """An NDArray."""
        return mxnet.nd.array(array, dtype=array.dtype)

    def give(self, gradient: Any, like: Any) -> Any:
        """An NDArray."""
        return mxnet.nd.array(gradient, dtype=gradient.dtype)

    def show(self, param: Any) -> Any:
        """A NumPy array."""
        return param.asnumpy()
