"""The operator Adagrad of ai.onnx.preview.training, in tinygrad's OnnxRunner.

As in onnx_port.py, each param that has a gradient has a run of its own, and T counts
its earlier steps.  A run takes and returns lazy Tensors, which go into the next run as
they are; tinygrad/realized realizes both of them first.  On the CPU tinygrad compiles
its kernels with clang.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays

from .onnx_port import ATTRIBUTES, model_of

__all__ = ["RealizedAdapter", "TinygradAdapter"]

if shutil.which("clang") is None:
    raise RuntimeError("tinygrad needs clang on the CPU: apt-get install clang")


@dataclass
class _Port:
    rate: float
    runners: dict[str, OnnxRunner]
    sums: Arrays
    counts: dict[str, int]

    def run(self, name: str, param: Any, gradient: Any) -> Any:
        dtype = gradient.dtype
        feeds = {
            "R": np.array(self.rate, dtype),
            "T": np.array(self.counts[name], np.int64),
            **{"X": param, "G": Tensor(gradient), "H": self.sums[name]},
        }
        given = self.runners[name](feeds)
        self.sums[name] = given["H2"]
        self.counts[name] += 1
        return given["X2"]


class TinygradAdapter(ArrayAdapter):
    """A runner for each param."""

    name, version, language = "tinygrad", version("tinygrad"), "Python (tinygrad)"
    dialect = "onnx"
    claims = ArrayAdapter.PLAIN | {
        *("mixed-formats", "lr-decay", "weight-decay", "initial-accumulator-value"),
        *("zero-accumulator", "zero-eps", "state-write"),
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """What each run takes: rate, attributes, accumulators and counters."""
        tau, rate = options.pop("initial_accumulator_value", 0.0), options.pop("lr")
        attributes = {ATTRIBUTES[name]: value for name, value in options.items()}
        runners, sums = {}, {}
        for name in params:
            like = self.show(params[name])
            model = model_of(like.dtype.name, attributes, list(like.shape))
            runners[name] = OnnxRunner(Tensor(model.SerializeToString()))
            sums[name] = Tensor(np.full_like(like, tau))
        return _Port(rate, runners, sums, dict.fromkeys(params, 0))

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """A run for each param that has a gradient."""
        return {
            name: port.run(name, param, gradients[name])
            for name, param in params.items()
            if gradients[name] is not None
        }

    def accumulator(self, port: Any, name: str) -> Any:
        """The input H of the next run."""
        return port.sums[name]

    def counter(self, port: Any, name: str) -> int:
        """The input T of the next run."""
        return int(port.counts[name])

    def write(self, port: Any, name: str, accumulator: Any, t: int) -> None:
        """The inputs H and T of the next run."""
        port.sums[name], port.counts[name] = Tensor(accumulator), t

    def hold(self, name: str, array: Any) -> Any:
        """A Tensor."""
        return Tensor(array)

    def show(self, param: Any) -> Any:
        """A NumPy array."""
        return param.numpy()


class RealizedAdapter(TinygradAdapter):
    """The same operator; the results of a run are realized at once."""

    name = "tinygrad/realized"

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> Arrays:
        """The runs, and Tensor.realize of their results."""
        changed = super().update(port, params, gradients)
        for name, param in changed.items():
            Tensor.realize(param, port.sums[name])
        return changed
