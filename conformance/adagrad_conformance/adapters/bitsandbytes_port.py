"""bitsandbytes.optim.Adagrad on the CPU, with its state in 32 bits and in 8.

lr_decay and another start than 0 raise, as its documentation has it.  The state of 8
bits is one of tensors of 4096 elements and more, and shown by nobody but its kernel.
"""

from __future__ import annotations

import logging
from typing import Any

logging.disable(logging.WARNING)  # kernels for other things that are not installed

import bitsandbytes
import torch
from bitsandbytes.optim import Adagrad, Adagrad8bit

from .base import Tensor
from .torch_optim import TorchAdapter

__all__ = ["eight_bits", "thirty_two_bits"]

_LACKS = frozenset(
    [
        *("bfloat16", "binary16", "mixed-formats", "complex", "sparse"),
        *("lr-decay", "initial-accumulator-value", "maximize"),
    ]
)


class _Adapter(TorchAdapter):
    def make_sum(self, state_sum: Tensor) -> torch.Tensor:
        """In binary32, as the optimizer keeps it."""
        return torch.as_tensor(super().make_sum(state_sum)).float()


def _port(name: str, optimizer: Any, without: frozenset[str]) -> TorchAdapter:
    made = _Adapter(
        f"bitsandbytes/{name}",
        optimizer,
        without=without,
        version=bitsandbytes.__version__,
        keys=("state1", "step"),
    )
    made.constants = {"initial_accumulator_value": 0.0}
    return made


def thirty_two_bits() -> TorchAdapter:
    """Accumulators in binary32, whatever the param is."""
    return _port("32-bit", Adagrad, _LACKS)


def eight_bits() -> TorchAdapter:
    """Accumulators of large params in 8 bits; judged by its params alone."""
    hidden = {"state", "state-write", "many-steps"}
    return _port("8-bit", Adagrad8bit, _LACKS | hidden)
