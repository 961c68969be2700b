"""The suite's own torch ports."""

from __future__ import annotations

from adagrad_conformance import __version__
from adagrad_conformance.adapters.own.torch_foreach import ForeachAdagrad
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["foreach", "single"]


def single() -> TorchAdapter:
    """One tensor at a time."""
    return TorchAdapter("own/torch-single", SingleTensorAdagrad, version=__version__)


def foreach() -> TorchAdapter:
    """All tensors at once."""
    return TorchAdapter("own/torch-foreach", ForeachAdagrad, version=__version__)
