"""Every registered port: its adapter or program, and the environment it runs in.

A port that brings a framework of its own names the environment that has it
(environments.py), and runs there.
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
    "numpy": _here("own.numpy_adapter:NumpyAdapter"),
    "own/torch-single": _here("own.torch_adapter:single"),
    "own/torch-foreach": _here("own.torch_adapter:foreach"),
    "own/cpp": Port(environment="cpp", program=("{folder}/port",)),
    "own/c": Port(environment="c", program=("{folder}/port",)),
    "own/rust": Port(environment="rust", program=("{folder}/port",)),
    "torch/single": _here("torch_optim:single"),
    "torch/foreach": _here("torch_optim:foreach"),
    "torch/fused": _here("torch_optim:fused"),
    "torch/differentiable": _here("torch_optim:differentiable"),
    "deepspeed": _in("torch", "published.deepspeed_port:everything"),
    "deepspeed/update": _in("torch", "published.deepspeed_port:update"),
    "libtorch": Port(environment="libtorch", program=("{folder}/port",)),
    "ensmallen": Port(environment="ensmallen", program=("{folder}/port",)),
    "fbgemm/exact": _in("torch", "published.fbgemm_port:ExactAdapter"),
    "fbgemm/row-wise": _in("torch", "published.fbgemm_port:RowWiseAdapter"),
    "torchrec/row-wise": _in("torch", "published.torchrec_port:tables"),
    "torchrec/any-shape": _in("torch", "published.torchrec_port:any_shape"),
    "bitsandbytes/32-bit": _in("torch", "published.bitsandbytes_port:thirty_two_bits"),
    "bitsandbytes/8-bit": _in("torch", "published.bitsandbytes_port:eight_bits"),
    "dgl": _in("graph", "published.dgl_port:documented"),
    "dgl/zero-grad": _in("graph", "published.dgl_port:local"),
    "dgl/distributed": _in("graph", "published.dgl_port:distributed"),
    "biggraph/row-wise": _in("graph", "published.biggraph_port:row_wise"),
    "adagradw/single": _in("graph", "published.adagradw_port:single"),
    "adagradw/foreach": _in("graph", "published.adagradw_port:foreach"),
    "torch/zero-redundancy": _here("published.torch_distributed_port:zero_redundancy"),
    "torch/dtensor": _here("published.torch_distributed_port:dtensor"),
    "torch/compiled": _here("published.torch_compiled_port:compiled"),
    "torch/functional": _here("published.torch_functional_port:function"),
    "torch/functional-optimizer": _here("published.torch_functional_port:optimizer"),
    "optax": _in("jax", "published.optax_port:OptaxAdapter"),
    "optax/jit": _in("jax", "published.optax_port:JittedAdapter"),
    "optax/injected": _in("jax", "published.optax_port:InjectedAdapter"),
    "jax-example-libraries": _in("jax", "published.jax_example_port:ExampleAdapter"),
    "numpyro": _in("jax", "published.jax_example_port:NumPyroAdapter"),
    "keras/jax": _in("jax", "published.keras3_port:on_jax"),
    "keras/torch": _in("torch", "published.keras3_port:on_torch"),
    "keras/tensorflow": _in("tensorflow", "published.keras3_port:on_tensorflow"),
    "keras/tensorflow/binary64": _in(
        "tensorflow", "published.keras3_port:on_tensorflow_wide"
    ),
    "tensorflow/v2-op": _in(
        "tensorflow", "published.tensorflow_ops_port:SecondAdapter"
    ),
    "tensorflow/v1-op": _in("tensorflow", "published.tensorflow_ops_port:FirstAdapter"),
    "tensorflow/v1": _in("tensorflow", "published.tensorflow_v1_port:CompatAdapter"),
    "tensorflow/v1/binary64": _in(
        "tensorflow", "published.tensorflow_v1_port:WideAdapter"
    ),
    "tensorflow/legacy": _in("tensorflow", "published.tf_keras_port:LegacyAdapter"),
    "tensorflow/legacy/binary64": _in(
        "tensorflow", "published.tf_keras_port:WideLegacyAdapter"
    ),
    "tensorflow/keras-2": _in("tensorflow", "published.tf_keras_port:SecondAdapter"),
    "tensorflow/keras-2/binary64": _in(
        "tensorflow", "published.tf_keras_port:WideSecondAdapter"
    ),
    "river": _in("small", "published.river_port:RiverAdapter"),
    "numpy-ml": _in("small", "published.numpy_ml_port:NumpyMlAdapter"),
    "pennylane": _in("small", "published.pennylane_port:PennyLaneAdapter"),
    "pydynet": _in("small", "published.pydynet_port:PyDyNetAdapter"),
    "vowpalwabbit": _in("small", "published.vowpalwabbit_port:VowpalWabbitAdapter"),
    "pymc": _in("pymc", "published.pymc_port:PyMcAdapter"),
    "downhill": _in("theano", "published.downhill_port:documented"),
    "downhill/eps-inside": _in("theano", "published.downhill_port:inside"),
    "mxnet": _in("mxnet", "published.mxnet_port:MxnetAdapter"),
    "mlx": _in("mlx", "published.mlx_port:MlxAdapter"),
    "mlx/init": _in("mlx", "published.mlx_port:BegunAdapter"),
    "paddle": _in("paddle", "published.paddle_port:PaddleAdapter"),
    "mindspore/experimental": _in(
        "mindspore", "published.mindspore_port:ExperimentalAdapter"
    ),
    "tinygrad": _in("onnx", "published.tinygrad_port:TinygradAdapter"),
    "tinygrad/realized": _in("onnx", "published.tinygrad_port:RealizedAdapter"),
    "mindspore/nn": _in("mindspore", "published.mindspore_port:NnAdapter"),
    "onnx": _in("onnx", "published.onnx_port:OnnxAdapter"),
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
