"""river.optim.AdaGrad.

Documented: weights and gradients are dictionaries by feature, and a feature without
gradient stays as it is; `g2` holds the sums of squares; the rate is a number or a
`Scheduler` of the number of earlier steps, and can be replaced by `mutate`; models and
their parts are saved with pickle.  Here a feature is a param's name and the number of
an element.
"""

from __future__ import annotations

import pickle
from types import MappingProxyType
from typing import Any

import numpy as np
import river
from river import optim

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays

__all__ = ["RiverAdapter"]


class _InverseTime(optim.base.Scheduler):  # type: ignore[misc]
    """The rate lr / (1 + t * decay)."""

    def __init__(self, lr: float, decay: float) -> None:
        self.lr, self.decay = lr, decay

    def get(self, t: int) -> float:
        """The rate after t steps."""
        return self.lr / (1 + t * self.decay)


class RiverAdapter(ArrayAdapter):
    """Drives `step(w, g)` with floats of Python."""

    name, version, language = "river", river.__version__, "Python"
    dialect = "river"
    constants = MappingProxyType(
        {"weight_decay": 0.0, "initial_accumulator_value": 0.0}
    )
    claims = (ArrayAdapter.PLAIN - {"binary32"}) | {
        *("lr-decay", "set-lr", "state-write"),
        *("save", "load-bytes", "load-deepcopy", "load-same-object"),
        "load-new-process",
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The constructor; with decay, the rate is a scheduler."""
        lr, decay = options.pop("lr"), options.pop("lr_decay", 0.0)
        rate = _InverseTime(lr, decay) if decay else lr
        return optim.AdaGrad(rate, **options)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """A call of step with floats by feature."""
        given = {k: g for k, g in gradients.items() if g is not None}
        weights = port.step(_features(params), _features(given))
        return {
            name: np.reshape([weights[name, i] for i in range(array.size)], array.shape)
            for name, array in params.items()
        }

    def accumulator(self, port: Any, name: str) -> Any:
        """The entries of `g2`, once there are some."""
        like = self.params[name]
        keys = [(name, i) for i in range(like.size)]
        if any(key not in port.g2 for key in keys):
            return None
        return np.array([port.g2[key] for key in keys], float).reshape(like.shape)

    def counter(self, port: Any, name: str) -> int:
        """The counter of the optimizer."""
        return int(port.n_iterations)

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """Entries of `g2`, and n_iterations."""
        port.g2.update(_features({name: accumulator}))
        port.n_iterations = t

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """lr and lr_decay together are the rate, which is mutable."""
        decays = isinstance(port.lr, _InverseTime)
        lr = port.lr.lr if decays else port.lr.learning_rate
        decay = port.lr.decay if decays else 0.0
        changed = {"lr": lr, "decay": decay, option.removeprefix("lr_"): value}
        port.mutate({"lr": _InverseTime(**changed)})

    def state(self, port: Any) -> Any:
        """The optimizer, pickled."""
        return pickle.dumps(port)

    def restore(self, port: Any, state: Any) -> Any:
        """The optimizer, unpickled."""
        return pickle.loads(state)

    def to_bytes(self, state: Any) -> bytes:
        """The state is bytes already."""
        return bytes(state)

    def from_bytes(self, raw: bytes) -> Any:
        """The state is bytes already."""
        return raw


def _features(arrays: Arrays) -> dict[tuple[str, int], float]:
    return {
        (name, i): value
        for name, array in arrays.items()
        for i, value in enumerate(array.ravel().tolist())
    }
