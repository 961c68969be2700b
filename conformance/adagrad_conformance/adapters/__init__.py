"""Adapters: one small file per port, imported only when the port is run.

To add one, write a subclass of `base.Adapter` (or, for a torch optimizer, an instance
of `torch_optim.TorchAdapter`) and enter it below.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["ADAPTERS"]

#: Registered name -> "module:attribute", a callable without arguments.
ADAPTERS: Mapping[str, str] = {
    "numpy": "adagrad_conformance.adapters.numpy_own:NumpyAdapter",
    "own/torch-single": "adagrad_conformance.adapters.torch_own:single",
    "own/torch-foreach": "adagrad_conformance.adapters.torch_own:foreach",
    "torch/single": "adagrad_conformance.adapters.torch_optim:single",
    "torch/foreach": "adagrad_conformance.adapters.torch_optim:foreach",
    "torch/fused": "adagrad_conformance.adapters.torch_optim:fused",
    "torch/differentiable": "adagrad_conformance.adapters.torch_optim:differentiable",
}
