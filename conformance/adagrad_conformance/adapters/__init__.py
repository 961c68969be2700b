"""Adapters: one small file per port, imported only when the port is run.

To add one, write a subclass of `base.Adapter` (`arrays.ArrayAdapter` for what maps
arrays to arrays; for a torch optimizer, an instance of `torch_optim.TorchAdapter`) and
enter it below.  A port that brings a framework of its own names the environment that
has it (environments.py), and runs there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ADAPTERS", "PORTS", "Port"]

_PACKAGE = "adagrad_conformance.adapters"


@dataclass(frozen=True)
class Port:
    """Where a registered port is: an adapter in Python, or a program.

    `place` is "module:attribute", a callable without arguments.  A `program` is a
    command that speaks the protocol; its words may name {folder}, that of the
    environment, and {adapters}, this one.
    """

    place: str = ""
    environment: str = ""  #: its name in environments.py; "": this Python
    program: tuple[str, ...] = ()


def _here(attribute: str) -> Port:
    return Port(f"{_PACKAGE}.{attribute}")


def _in(environment: str, attribute: str) -> Port:
    return Port(f"{_PACKAGE}.{attribute}", environment)


def _node(environment: str, file: str, *words: str) -> Port:
    program = ("node", f"{{adapters}}/javascript/{file}", "{folder}", *words)
    return Port(environment=environment, program=program)


PORTS: Mapping[str, Port] = {
    "numpy": _here("numpy_own:NumpyAdapter"),
    "own/torch-single": _here("torch_own:single"),
    "own/torch-foreach": _here("torch_own:foreach"),
    "own/cpp": Port(environment="cpp", program=("{folder}/port",)),
    "own/c": Port(environment="c", program=("{folder}/port",)),
    "own/rust": Port(environment="rust", program=("{folder}/port",)),
    "torch/single": _here("torch_optim:single"),
    "torch/foreach": _here("torch_optim:foreach"),
    "torch/fused": _here("torch_optim:fused"),
    "torch/differentiable": _here("torch_optim:differentiable"),
    "deepspeed": _in("torch", "deepspeed_port:everything"),
    "deepspeed/update": _in("torch", "deepspeed_port:update"),
    "libtorch": Port(environment="libtorch", program=("{folder}/port",)),
    "ensmallen": Port(environment="ensmallen", program=("{folder}/port",)),
    "fbgemm/exact": _in("torch", "fbgemm_port:ExactAdapter"),
    "fbgemm/row-wise": _in("torch", "fbgemm_port:RowWiseAdapter"),
    "torchrec/row-wise": _in("torch", "torchrec_port:tables"),
    "torchrec/any-shape": _in("torch", "torchrec_port:any_shape"),
    "bitsandbytes/32-bit": _in("torch", "bitsandbytes_port:thirty_two_bits"),
    "bitsandbytes/8-bit": _in("torch", "bitsandbytes_port:eight_bits"),
    "dgl": _in("graph", "dgl_port:documented"),
    "dgl/zero-grad": _in("graph", "dgl_port:local"),
    "dgl/distributed": _in("graph", "dgl_port:distributed"),
    "biggraph/row-wise": _in("graph", "biggraph_port:row_wise"),
    "adagradw/single": _in("graph", "adagradw_port:single"),
    "adagradw/foreach": _in("graph", "adagradw_port:foreach"),
    "torch/zero-redundancy": _here("torch_distributed:zero_redundancy"),
    "torch/dtensor": _here("torch_distributed:dtensor"),
    "torch/compiled": _here("torch_compiled:compiled"),
    "torch/functional": _here("torch_functional:function"),
    "torch/functional-optimizer": _here("torch_functional:optimizer"),
    "optax": _in("jax", "optax:OptaxAdapter"),
    "optax/jit": _in("jax", "optax:JittedAdapter"),
    "optax/injected": _in("jax", "optax:InjectedAdapter"),
    "jax-example-libraries": _in("jax", "jax_example:ExampleAdapter"),
    "numpyro": _in("jax", "jax_example:NumPyroAdapter"),
    "keras/jax": _in("jax", "keras3:on_jax"),
    "keras/torch": _in("torch", "keras3:on_torch"),
    "keras/tensorflow": _in("tensorflow", "keras3:on_tensorflow"),
    "keras/tensorflow/binary64": _in("tensorflow", "keras3:on_tensorflow_wide"),
    "tensorflow/v2-op": _in("tensorflow", "tensorflow_ops:SecondAdapter"),
    "tensorflow/v1-op": _in("tensorflow", "tensorflow_ops:FirstAdapter"),
    "tensorflow/v1": _in("tensorflow", "tensorflow_v1:CompatAdapter"),
    "tensorflow/v1/binary64": _in("tensorflow", "tensorflow_v1:WideAdapter"),
    "tensorflow/legacy": _in("tensorflow", "tf_keras_port:LegacyAdapter"),
    "tensorflow/legacy/binary64": _in("tensorflow", "tf_keras_port:WideLegacyAdapter"),
    "tensorflow/keras-2": _in("tensorflow", "tf_keras_port:SecondAdapter"),
    "tensorflow/keras-2/binary64": _in("tensorflow", "tf_keras_port:WideSecondAdapter"),
    "river": _in("small", "river_port:RiverAdapter"),
    "numpy-ml": _in("small", "numpy_ml_port:NumpyMlAdapter"),
    "pennylane": _in("small", "pennylane_port:PennyLaneAdapter"),
    "pydynet": _in("small", "pydynet_port:PyDyNetAdapter"),
    "vowpalwabbit": _in("small", "vowpalwabbit_port:VowpalWabbitAdapter"),
    "pymc": _in("pymc", "pymc_port:PyMcAdapter"),
    "downhill": _in("theano", "downhill_port:documented"),
    "downhill/eps-inside": _in("theano", "downhill_port:inside"),
    "mxnet": _in("mxnet", "mxnet_port:MxnetAdapter"),
    "mlx": _in("mlx", "mlx_port:MlxAdapter"),
    "mlx/init": _in("mlx", "mlx_port:BegunAdapter"),
    "paddle": _in("paddle", "paddle_port:PaddleAdapter"),
    "mindspore/experimental": _in("mindspore", "mindspore_port:ExperimentalAdapter"),
    "tinygrad": _in("onnx", "tinygrad_port:TinygradAdapter"),
    "tinygrad/realized": _in("onnx", "tinygrad_port:RealizedAdapter"),
    "mindspore/nn": _in("mindspore", "mindspore_port:NnAdapter"),
    "onnx": _in("onnx", "onnx_port:OnnxAdapter"),
    "tfjs": _node("node", "tfjs.mjs"),
    "deeplearn": _node("node-small", "deeplearn.mjs"),
    "convnetjs": _node("node-small", "convnetjs.mjs"),
    "toygrad": _node("node-small", "toygrad.mjs"),
    "adnn": _node("node-small", "adnn.mjs"),
}

#: The ports that run in this Python: name -> "module:attribute".
ADAPTERS: Mapping[str, str] = {
    name: port.place for name, port in PORTS.items() if not port.environment
}
