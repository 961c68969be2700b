"""Every registered port, in one row: adapter or program, environment, scripts.

A port that brings a framework of its own names the environment that has it
(environments.py), and runs there.  A row holds names as text, for the packages that
resolve them lie on higher floors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ADAPTERS", "PORTS", "Port"]

_PACKAGE = "adagrad_conformance.adapters"


@dataclass(frozen=True)
class Port:
    """Where a registered port is, and how scripts use it.

    `place` is "module:attribute", a callable without arguments that makes the adapter
    in Python.  A `program` is a command that speaks the protocol instead; its words may
    name {folder}, that of the environment, and {adapters}, this package's.

    Scripts without this suite are written by `syntax`, "file:class" in
    reproducers/port_syntax, or, for a torch optimizer, by `torch`, a constant of
    reproducers/torch_script/constructors.py.  Without either, a script uses the
    adapter, or is a command that runs the program.
    """

    place: str = ""
    environment: str = ""  #: its name in environments.py; "": this Python
    program: tuple[str, ...] = ()
    syntax: str = ""
    torch: str = ""


def _here(attribute: str, torch: str = "") -> Port:
    return Port(f"{_PACKAGE}.{attribute}", torch=torch)


def _published(
    environment: str, file: str, adapter: str, syntax: str = "", torch: str = ""
) -> Port:
    """An adapter in published/, and its syntax in the file of the same name."""
    written = f"{file}:{syntax}" if syntax else ""
    place = f"{_PACKAGE}.published.{file}:{adapter}"
    return Port(place, environment, syntax=written, torch=torch)


def _compiled(environment: str, syntax: str = "") -> Port:
    return Port("", environment, ("{folder}/port",), syntax)


def _node(environment: str, file: str, syntax: str) -> Port:
    program = ("node", f"{{adapters}}/javascript/{file}", "{folder}")
    return Port("", environment, program, syntax)


PORTS: Mapping[str, Port] = {
    "numpy": _here("own.numpy_adapter:NumpyAdapter"),
    "own/torch-single": _here("own.torch_adapter:single", torch="OWN_SINGLE"),
    "own/torch-foreach": _here("own.torch_adapter:foreach", torch="OWN_FOREACH"),
    "own/cpp": _compiled("cpp"),
    "own/c": _compiled("c"),
    "own/rust": _compiled("rust"),
    "torch/single": _here("torch_optim:single", torch="TORCH_SINGLE"),
    "torch/foreach": _here("torch_optim:foreach", torch="TORCH_FOREACH"),
    "torch/fused": _here("torch_optim:fused", torch="TORCH_FUSED"),
    "torch/differentiable": _here(
        "torch_optim:differentiable", torch="TORCH_DIFFERENTIABLE"
    ),
    "deepspeed": _published("torch", "deepspeed_port", "cpu", torch="DEEPSPEED"),
    "libtorch": _compiled("libtorch", "libtorch_port:LibTorch"),
    "ensmallen": _compiled("ensmallen", "ensmallen_port:Ensmallen"),
    "fbgemm/exact": _published("torch", "fbgemm_port", "ExactAdapter", "FbgemmExact"),
    "fbgemm/row-wise": _published(
        "torch", "fbgemm_port", "RowWiseAdapter", "FbgemmRowWise"
    ),
    "torchrec/row-wise": _published(
        "torch", "torchrec_port", "tables", torch="TORCHREC_ROW_WISE"
    ),
    "bitsandbytes/32-bit": _published(
        "torch", "bitsandbytes_port", "thirty_two_bits", torch="BITSANDBYTES_32_BIT"
    ),
    "bitsandbytes/8-bit": _published(
        "torch", "bitsandbytes_port", "eight_bits", torch="BITSANDBYTES_8_BIT"
    ),
    "dgl": _published("graph", "dgl_port", "documented", "Dgl"),
    "dgl/zero-grad": _published("graph", "dgl_port", "local", "Dgl"),
    "dgl/distributed": _published("graph", "dgl_port", "distributed", "DglDistributed"),
    "biggraph/row-wise": _published(
        "graph", "biggraph_port", "row_wise", torch="TORCHBIGGRAPH_ROW_WISE"
    ),
    "adagradw/single": _published(
        "graph", "adagradw_port", "single", torch="ADAGRADW_SINGLE"
    ),
    "adagradw/foreach": _published(
        "graph", "adagradw_port", "foreach", torch="ADAGRADW_FOREACH"
    ),
    "torch/zero-redundancy": _published(
        "", "torch_distributed_port", "zero_redundancy", "Zero"
    ),
    "torch/dtensor": _published("", "torch_distributed_port", "dtensor", "DTensors"),
    "torch/compiled": _published("", "torch_compiled_port", "compiled"),
    "torch/functional": _published("", "torch_functional_port", "function", "Function"),
    "torch/functional-optimizer": _published(
        "", "torch_functional_port", "optimizer", "Functional"
    ),
    "optax": _published("jax", "optax_port", "OptaxAdapter", "Optax"),
    "optax/jit": _published("jax", "optax_port", "JittedAdapter", "OptaxJit"),
    "optax/injected": _published(
        "jax", "optax_port", "InjectedAdapter", "OptaxInjected"
    ),
    "jax-example-libraries": _published(
        "jax", "jax_example_port", "ExampleAdapter", "Example"
    ),
    "numpyro": _published("jax", "jax_example_port", "NumPyroAdapter", "NumPyro"),
    "keras/jax": _published("jax", "keras3_port", "on_jax", "KerasJax"),
    "keras/torch": _published("torch", "keras3_port", "on_torch", "KerasTorch"),
    "keras/tensorflow": _published(
        "tensorflow", "keras3_port", "on_tensorflow", "KerasTensorFlow"
    ),
    "keras/tensorflow/binary64": _published(
        "tensorflow", "keras3_port", "on_tensorflow_wide", "KerasTensorFlow"
    ),
    "tensorflow/v2-op": _published(
        "tensorflow", "tensorflow_ops_port", "SecondAdapter", "SecondOp"
    ),
    "tensorflow/v1-op": _published(
        "tensorflow", "tensorflow_ops_port", "FirstAdapter", "FirstOp"
    ),
    "tensorflow/v1": _published(
        "tensorflow", "tensorflow_v1_port", "CompatAdapter", "Compat"
    ),
    "tensorflow/v1/binary64": _published(
        "tensorflow", "tensorflow_v1_port", "WideAdapter", "Compat"
    ),
    "tensorflow/legacy": _published(
        "tensorflow", "tf_keras_port", "LegacyAdapter", "Legacy"
    ),
    "tensorflow/legacy/binary64": _published(
        "tensorflow", "tf_keras_port", "WideLegacyAdapter", "Legacy"
    ),
    "tensorflow/keras-2": _published(
        "tensorflow", "tf_keras_port", "SecondAdapter", "KerasSecond"
    ),
    "tensorflow/keras-2/binary64": _published(
        "tensorflow", "tf_keras_port", "WideSecondAdapter", "KerasSecond"
    ),
    "river": _published("small", "river_port", "RiverAdapter", "River"),
    "numpy-ml": _published("small", "numpy_ml_port", "NumpyMlAdapter", "NumpyMl"),
    "pennylane": _published("small", "pennylane_port", "PennyLaneAdapter", "PennyLane"),
    "pydynet": _published("small", "pydynet_port", "PyDyNetAdapter", "PyDyNet"),
    "vowpalwabbit": _published(
        "small", "vowpalwabbit_port", "VowpalWabbitAdapter", "VowpalWabbit"
    ),
    "pymc": _published("pymc", "pymc_port", "PyMcAdapter", "PyMc"),
    "downhill": _published("theano", "downhill_port", "documented", "Downhill"),
    "downhill/eps-inside": _published("theano", "downhill_port", "inside", "Downhill"),
    "mxnet": _published("mxnet", "mxnet_port", "MxnetAdapter", "Mxnet"),
    "mlx": _published("mlx", "mlx_port", "MlxAdapter", "Mlx"),
    "mlx/init": _published("mlx", "mlx_port", "BegunAdapter", "MlxInit"),
    "paddle": _published("paddle", "paddle_port", "PaddleAdapter", "Paddle"),
    "mindspore/experimental": _published(
        "mindspore", "mindspore_port", "ExperimentalAdapter", "MindSpore"
    ),
    "tinygrad": _published("onnx", "tinygrad_port", "TinygradAdapter", "Tinygrad"),
    "tinygrad/realized": _published(
        "onnx", "tinygrad_port", "RealizedAdapter", "TinygradRealized"
    ),
    "mindspore/nn": _published(
        "mindspore", "mindspore_port", "NnAdapter", "MindSporeNn"
    ),
    "onnx": _published("onnx", "onnx_port", "OnnxAdapter", "Onnx"),
    "tfjs": _node("node", "tfjs.mjs", "tfjs_port:TfJs"),
    "deeplearn": _node("node-small", "deeplearn.mjs", "tfjs_port:DeepLearn"),
    "convnetjs": _node("node-small", "convnetjs.mjs", "convnetjs_port:ConvNetJs"),
    "toygrad": _node("node-small", "toygrad.mjs", "convnetjs_port:ToyGrad"),
    "adnn": _node("node-small", "adnn.mjs", "adnn_port:AdNn"),
}

#: The ports that run in this Python: name -> "module:attribute".
ADAPTERS: Mapping[str, str] = {
    name: port.place for name, port in PORTS.items() if not port.environment
}
