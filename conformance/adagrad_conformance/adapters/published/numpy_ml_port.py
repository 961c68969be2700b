"""numpy_ml.neural_nets.optimizers.AdaGrad.

Documented: `update(param, grad, name)` gives the param's new value; `cache` holds the
sums of squares; `set_params` takes hyperparameters and cache from dictionaries.  None
of its schedules of the rate is that of lr_decay.

The package imports `collections.Hashable`, which Python 3.10 removed; this module puts
it back.
"""

from __future__ import annotations

import collections
import collections.abc
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays

collections.Hashable = collections.abc.Hashable  # type: ignore[attr-defined]

from numpy_ml.neural_nets.optimizers import AdaGrad  # noqa: E402

__all__ = ["NumpyMlAdapter"]


class NumpyMlAdapter(ArrayAdapter):
    """Drives `update` for each param that has a gradient."""

    name, version, language = "numpy-ml", version("numpy-ml"), "Python (NumPy)"
    constants = MappingProxyType(
        {
            "lr_decay": 0.0,
            "weight_decay": 0.0,
            "initial_accumulator_value": 0.0,
        }
    )
    claims = ArrayAdapter.PLAIN | {
        *("binary16", "mixed-formats", "zero-eps", "set-option"),
        *("state-write", "save", "load-bytes", "load-deepcopy", "load-same-object"),
        "load-new-process",
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The constructor; the document's names are the port's."""
        return AdaGrad(**options)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """A call of update for each param that has a gradient."""
        return {
            name: port.update(param, gradients[name], name)
            for name, param in params.items()
            if gradients[name] is not None
        }

    def accumulator(self, port: Any, name: str) -> Any:
        """The entry of the cache."""
        return port.cache.get(name)

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """An entry of the cache."""
        port.cache[name] = accumulator

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """A call of set_params."""
        port.set_params({option: value})

    def state(self, port: Any) -> Any:
        """Both dictionaries of the optimizer."""
        return {"hyperparameters": port.hyperparameters, "cache": port.cache}

    def restore(self, port: Any, state: Any) -> None:
        """A call of set_params."""
        port.set_params(state["hyperparameters"], state["cache"])
