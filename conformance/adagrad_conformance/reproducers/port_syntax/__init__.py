"""How a user of each port writes what a scenario does, in the port's own words.

From these phrases port_reproducer.py writes a failed scenario as a script that uses the
port alone, fit to be sent to its maintainers.  The phrases of a port stand in a file
beside this one, which imports nothing of the port, and are entered in `PHRASES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from .base import Phrases

__all__ = ["PHRASES", "Phrases", "phrases_of"]

#: Registered name of a port -> "file:class".
PHRASES: Mapping[str, str] = {
    "torch/functional": "torch_ports:Function",
    "torch/functional-optimizer": "torch_ports:Functional",
    "torch/zero-redundancy": "torch_ports:Zero",
    "torch/dtensor": "torch_ports:DTensors",
    "libtorch": "cpp_ports:LibTorch",
    "ensmallen": "ensmallen_port:Ensmallen",
    "fbgemm/exact": "torch_ports:FbgemmExact",
    "fbgemm/row-wise": "torch_ports:FbgemmRowWise",
    "dgl": "graph_ports:Dgl",
    "dgl/zero-grad": "graph_ports:DglZeroGrad",
    "dgl/distributed": "graph_ports:DglDistributed",
    "optax": "jax_ports:Optax",
    "optax/jit": "jax_ports:OptaxJit",
    "optax/injected": "jax_ports:OptaxInjected",
    "jax-example-libraries": "jax_ports:Example",
    "numpyro": "jax_ports:NumPyro",
    "keras/jax": "keras_ports:KerasJax",
    "keras/torch": "keras_ports:KerasTorch",
    "keras/tensorflow": "keras_ports:KerasTensorFlow",
    "keras/tensorflow/binary64": "keras_ports:KerasTensorFlow",
    "tensorflow/v2-op": "tensorflow_ports:SecondOp",
    "tensorflow/v1-op": "tensorflow_ports:FirstOp",
    "tensorflow/v1": "tensorflow_ports:Compat",
    "tensorflow/v1/binary64": "tensorflow_ports:Compat",
    "tensorflow/legacy": "tensorflow_ports:Legacy",
    "tensorflow/legacy/binary64": "tensorflow_ports:Legacy",
    "tensorflow/keras-2": "keras_ports:KerasSecond",
    "tensorflow/keras-2/binary64": "keras_ports:KerasSecond",
    "river": "small_ports:River",
    "numpy-ml": "small_ports:NumpyMl",
    "pennylane": "small_ports:PennyLane",
    "pydynet": "small_ports:PyDyNet",
    "vowpalwabbit": "small_ports:VowpalWabbit",
    "pymc": "small_ports:PyMc",
    "downhill": "theano_ports:Downhill",
    "downhill/eps-inside": "theano_ports:Downhill",
    "mxnet": "framework_ports:Mxnet",
    "mlx": "framework_ports:Mlx",
    "mlx/init": "framework_ports:MlxInit",
    "paddle": "framework_ports:Paddle",
    "onnx": "framework_ports:Onnx",
    "tinygrad": "framework_ports:Tinygrad",
    "tinygrad/realized": "framework_ports:TinygradRealized",
    "mindspore/experimental": "framework_ports:MindSpore",
    "mindspore/nn": "framework_ports:MindSporeNn",
    "tfjs": "javascript_ports:TfJs",
    "deeplearn": "javascript_ports:DeepLearn",
    "convnetjs": "javascript_ports:ConvNetJs",
    "toygrad": "javascript_ports:ToyGrad",
    "adnn": "javascript_ports:AdNn",
}


def phrases_of(target: str) -> Phrases | None:
    """The phrases of a registered port, if it has any."""
    if target not in PHRASES:
        return None
    file, _, name = PHRASES[target].partition(":")
    found: Phrases = getattr(importlib.import_module(f".{file}", __name__), name)()
    return found
