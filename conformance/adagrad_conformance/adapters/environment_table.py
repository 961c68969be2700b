"""The environments of the registered ports, and what is in each.

Every package has its exact version here; what it needs in turn has it in pins/.  A new
environment gets a line here and a file there.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from .environments import Environment

__all__ = ["ENVIRONMENTS"]


def _ensmallen(python: Path) -> list[str]:
    """Headers alone: AdaGrad calls nothing of LAPACK, BLAS or ARPACK."""
    unused = ("WRAPPER", "LAPACK", "BLAS", "ARPACK")
    include = python.parent.parent / "usr" / "include"
    return [f"-I{include}", *(f"-DARMA_DONT_USE_{library}" for library in unused)]


def _libtorch(python: Path) -> list[str]:
    """What links with the torch that another environment has."""
    major, minor = sys.version_info[:2]
    packages = python.parent.parent / "lib" / f"python{major}.{minor}" / "site-packages"
    torch = packages / "torch"
    heads = [torch / "include", torch / "include/torch/csrc/api/include"]
    libraries = [f"-L{torch / 'lib'}", f"-Wl,-rpath,{torch / 'lib'}"]
    libraries += ["-ltorch", "-ltorch_cpu", "-lc10"]
    return ["-D_GLIBCXX_USE_CXX11_ABI=1", *(f"-I{head}" for head in heads), *libraries]


#: First, or another build of torch is installed.
_TORCH_FIRST = ("torch==2.13.0", "numpy==2.4.6")
_DTYPES = "ml_dtypes==0.6.0"

_TORCH = Environment(
    "torch",
    (
        _TORCH_FIRST,
        ("keras==3.15.1", "bitsandbytes==0.50.2", "fbgemm-gpu-cpu==1.8.0"),
        (_DTYPES, "tensordict==0.15.3", "torchmetrics==1.9.0"),
        ("pyre-extensions==0.0.32", "psutil==7.2.2", "py-cpuinfo==9.0.0"),
        ("ninja==1.13.2", "setuptools==84.2.1", "wheel==0.48.0", "packaging==26.4"),
        ("--no-deps", "torchrec==1.8.0"),  # its own fbgemm-gpu is another build
        # compiled here: one kept from elsewhere may lack the kernel
        ("--no-cache-dir", "--no-build-isolation", "deepspeed==0.19.8"),
    ),
    settings=(("DS_BUILD_CPU_ADAGRAD", "1"),),
)
_GRAPH = Environment(
    "graph",
    (
        _TORCH_FIRST,
        (_DTYPES, "scipy==1.17.1", "pandas==3.1.1", "requests==2.34.2"),
        ("tqdm==4.70.1", "psutil==7.2.2", "packaging==26.4", "setuptools==80.9.0"),
        # they would install other versions of torch
        ("--no-deps", "dgl==2.1.0", "torchbiggraph==1.0.0", "adagradw==0.0.4"),
    ),
)
_TENSORFLOW = Environment(
    "tensorflow",
    (("tensorflow==2.21.0", "keras==3.15.1", "tf_keras==2.21.0", _DTYPES),),
)
_SMALL = Environment(
    "small",
    (
        ("numpy==2.4.6", "river==0.26.1", "numpy-ml==0.1.2", "pennylane==0.45.1"),
        ("pydynet==1.1", "vowpalwabbit==9.11.9"),
    ),
)
_THEANO = Environment(
    "theano",
    (
        ("Theano==1.0.5", "numpy==1.23.5", "scipy==1.11.4", "six==1.17.0"),
        ("downhill==0.4.0", "click==8.5.1"),
    ),
)
_ENSMALLEN = Environment(
    "ensmallen",
    debian=("libensmallen-dev=2.22.1-2", "libarmadillo-dev=1:14.2.3+dfsg-1+b1"),
    program="adapters/cpp/ensmallen.cpp",
    flags=_ensmallen,
)

_LISTED = (
    Environment(
        "jax", (("jax==0.10.2", "optax==0.2.8", "keras==3.15.1", "numpyro==0.22.0"),)
    ),
    _TENSORFLOW,
    Environment("mlx", (("mlx[cpu]==0.32.4", "numpy==2.4.6", _DTYPES),)),
    Environment("mxnet", (("mxnet==1.9.1", "numpy==1.23.5"),)),
    Environment("paddle", (("paddlepaddle==3.3.1", "numpy==2.4.6", _DTYPES),)),
    Environment(
        "onnx", (("onnx==1.23.2", "numpy==2.4.6", _DTYPES, "tinygrad==0.14.0"),)
    ),
    Environment("mindspore", (("mindspore==2.10.0", "numpy==1.26.4"),)),
    _SMALL,
    Environment("pymc", (("pymc==5.28.5",),)),
    _THEANO,
    _TORCH,
    _GRAPH,
    Environment(
        "libtorch", program="adapters/cpp/libtorch.cpp", flags=_libtorch, parent=_TORCH
    ),
    _ENSMALLEN,
    Environment("cpp", program="adapter_kits/cpp/adapter.cpp"),
    Environment("c", program="adapter_kits/c/adapter.c", flags=lambda python: ["-lm"]),
    Environment("rust", program="adapter_kits/rust/adapter.rs"),
    Environment("node", npm=("@tensorflow/tfjs@4.22.0",)),
    Environment(
        "node-small",
        npm=("deeplearn@0.5.1", "convnetjs@0.3.0", "toygrad@2.6.0", "adnn@2.0.10"),
    ),
)

#: By the name that a port's row in the registry gives.
ENVIRONMENTS: Mapping[str, Environment] = {each.name: each for each in _LISTED}
