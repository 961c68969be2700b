"""The adapters of the suite's own torch ports."""

from __future__ import annotations

from adagrad_conformance import __version__
from adagrad_conformance.adapters.own.torch_foreach import ForeachAdagrad
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["foreach", "single"]


def single() -> TorchAdapter:
    """The port that steps one tensor at a time."""
    return TorchAdapter("own/torch-single", SingleTensorAdagrad, version=__version__)


def foreach() -> TorchAdapter:
    """The port that steps all tensors of a format at once."""
    return TorchAdapter("own/torch-foreach", ForeachAdagrad, version=__version__)
