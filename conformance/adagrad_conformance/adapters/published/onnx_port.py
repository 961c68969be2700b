"""The operator Adagrad of ai.onnx.preview.training, in ONNX's own ReferenceEvaluator.

Specified: inputs R (rate), T (update count of X, which may begin at 0), X, G and H;
attributes norm_coefficient, epsilon and decay_factor, which are binary32.  The caller
keeps H and T: here each param has a run of its own, and T counts its earlier steps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays

__all__ = ["ATTRIBUTES", "OnnxAdapter", "model_of"]

_DOMAIN = "ai.onnx.preview.training"
_TYPES = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}
ATTRIBUTES = {
    "lr_decay": "decay_factor",
    "weight_decay": "norm_coefficient",
    "eps": "epsilon",
}


@dataclass
class _Port:
    rate: float
    attributes: dict[str, float]
    sums: Arrays
    counts: dict[str, int]
    sessions: dict[str, ReferenceEvaluator] = field(default_factory=dict)

    def run(self, name: str, param: Any, gradient: Any) -> Any:
        dtype = param.dtype.name
        if dtype not in self.sessions:
            self.sessions[dtype] = ReferenceEvaluator(model_of(dtype, self.attributes))
        feeds = {
            "R": np.array(self.rate, param.dtype),
            "T": np.array(self.counts[name], np.int64),
            **{"X": param, "G": gradient, "H": self.sums[name]},
        }
        changed, self.sums[name] = self.sessions[dtype].run(None, feeds)
        self.counts[name] += 1
        return changed


def model_of(
    dtype: str, attributes: dict[str, float], shape: list[int] | None = None
) -> Any:
    """A model of one node, for params of one shape, or of any without a shape."""
    kind = _TYPES[dtype]
    node = helper.make_node(
        "Adagrad", ["R", "T", "X", "G", "H"], ["X2", "H2"], domain=_DOMAIN, **attributes
    )
    scalars: list[tuple[str, int, Any]] = [
        ("R", kind, []),
        ("T", TensorProto.INT64, []),
    ]
    tensors = [(name, kind, shape) for name in ("X", "G", "H")]
    graph = helper.make_graph(
        [node],
        "step",
        [helper.make_tensor_value_info(*each) for each in scalars + tensors],
        [helper.make_tensor_value_info(name, kind, shape) for name in ("X2", "H2")],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(_DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=opsets)


class OnnxAdapter(ArrayAdapter):
    """Runs a model of one node for each param that has a gradient."""

    name, version, language = "onnx", onnx.__version__, "Python (ONNX)"
    dialect = "onnx"
    claims = ArrayAdapter.PLAIN | {
        *("mixed-formats", "lr-decay", "weight-decay", "initial-accumulator-value"),
        *("zero-accumulator", "zero-eps", "set-option", "state-write"),
    }

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """What each run takes: rate, attributes, accumulators and counters."""
        tau = options.pop("initial_accumulator_value", 0.0)
        sums = {name: np.full_like(param, tau) for name, param in params.items()}
        rate = options.pop("lr")
        attributes = {ATTRIBUTES[name]: value for name, value in options.items()}
        return _Port(rate, attributes, sums, dict.fromkeys(params, 0))

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
        port.sums[name], port.counts[name] = accumulator, t

    def set_one(self, port: Any, option: str, value: float | bool) -> None:
        """Another rate, or another model."""
        if option == "lr":
            port.rate = value
        else:
            port.attributes[ATTRIBUTES[option]] = value
            port.sessions.clear()
