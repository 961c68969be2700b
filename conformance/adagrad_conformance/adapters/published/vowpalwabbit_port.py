"""Vowpal Wabbit with --adaptive --power_t 0.5, by its Python package.

Documented: each weight has a rate of its own, by the sum of its squared gradients;
there is no eps.  The quantile loss with tau 1 has the gradient -x wherever the label
lies above the prediction, so an example with the features -g takes the step of the
gradient g.  `--save_resume` keeps the sums in the model.  On purpose, a feature that is
not finite moves no weight.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from vowpalwabbit import Workspace

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays

__all__ = ["VowpalWabbitAdapter"]

_OPTIONS = (
    "--adaptive --power_t 0.5 --noconstant --loss_function quantile --quantile_tau 1 "
    "--min_prediction -1 --max_prediction 1 --bit_precision 18 --save_resume --quiet"
)


@dataclass
class _Port:
    workspace: Workspace
    rate: float
    places: dict[str, range]
    seen: set[str] = field(default_factory=set)


class VowpalWabbitAdapter(ArrayAdapter):
    """A feature for each element; an example for each step."""

    name, version = "vowpalwabbit", version("vowpalwabbit")
    language, dialect = "Python (C++)", "vowpal-wabbit"
    constants = MappingProxyType(
        {
            "lr_decay": 0.0,
            "weight_decay": 0.0,
            "initial_accumulator_value": 0.0,
            "eps": 0.0,
        }
    )
    claims = frozenset(
        [
            *("binary32", "state", "state-write", "none-gradient", "gradients"),
            *("save", "load-bytes", "load-deepcopy", "load-same-object"),
            "load-new-process",
        ]
    )

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """A workspace; the elements of all params have consecutive numbers."""
        places, end = {}, 0
        for name, param in params.items():
            places[name] = range(end, end + param.size)
            end += param.size
        rate = options["lr"]
        return _Port(Workspace(f"{_OPTIONS} --learning_rate {rate!r}"), rate, places)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """One example, with a feature for each element that has a gradient."""
        given = {k: g.ravel() for k, g in gradients.items() if g is not None}
        features = []
        for name, gradient in given.items():
            for i, theta in zip(port.places[name], params[name].flat, strict=True):
                port.workspace.set_weight(i, 0, float(theta))
            features += list(zip(port.places[name], (-gradient).tolist(), strict=True))
        example = port.workspace.example({"f": features}, labelType=1)
        example.set_label_string("1e30")
        port.workspace.learn(example)
        port.workspace.finish_example(example)
        port.seen |= given.keys()
        return {name: _read(port, name, 0, params[name]) for name in given}

    def accumulator(self, port: Any, name: str) -> Any:
        """The sums that stand beside the weights."""
        return _read(port, name, 1, self.params[name])

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The sums that stand beside the weights."""
        for i, value in zip(port.places[name], accumulator.flat, strict=True):
            port.workspace.set_weight(i, 1, float(value))

    def state(self, port: Any) -> Any:
        """The model, as bytes of its file."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "model")
            port.workspace.save(str(file))
            return file.read_bytes()

    def restore(self, port: Any, state: Any) -> Any:
        """Another workspace, which begins with the model."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "model")
            file.write_bytes(state)
            rate = f"--learning_rate {port.rate!r} --initial_regressor {file}"
            return _Port(Workspace(f"{_OPTIONS} {rate}"), port.rate, port.places)

    def to_bytes(self, state: Any) -> bytes:
        """The state is bytes already."""
        return bytes(state)

    def from_bytes(self, raw: bytes) -> Any:
        """The state is bytes already."""
        return raw


def _read(port: Any, name: str, offset: int, like: Any) -> Any:
    numbers = [port.workspace.get_weight(i, offset) for i in port.places[name]]
    return np.array(numbers, like.dtype).reshape(like.shape)
