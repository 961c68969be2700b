"""bitsandbytes.optim.Adagrad on the CPU, with its state in 32 bits and in 8.

It refuses lr_decay and every initial accumulator but 0.  By its documentation its state
has 32 bits, or 8 bits for params of 4096 elements and more; so params in binary64 are
not claimed.
"""

from __future__ import annotations

from typing import Any

import bitsandbytes
import torch
from bitsandbytes.functional import dequantize_blockwise
from bitsandbytes.optim import Adagrad, Adagrad8bit

from adagrad_conformance.adapters.base import Tensor
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["eight_bits", "thirty_two_bits"]

_LACKS = frozenset(
    [
        *("binary64", "bfloat16", "binary16", "mixed-formats", "complex"),
        *("sparse", "pickle", "compile"),
        *("lr-decay", "initial-accumulator-value", "maximize"),
    ]
)


class _Adapter(TorchAdapter):
    def make_sum(self, state_sum: Tensor) -> torch.Tensor:
        """An accumulator in binary32, as the optimizer keeps it."""
        return torch.as_tensor(super().make_sum(state_sum)).float()

    def show_sum(self, param: Any, state: Any) -> Any:
        """The accumulator in binary32; codes of 8 bits become their numbers."""
        total = super().show_sum(param, state)
        if total is None or total.dtype != torch.uint8:
            return total
        scales, code = state["absmax1"], state["qmap1"]
        return dequantize_blockwise(total, absmax=scales, code=code, blocksize=256)


def _port(
    name: str, optimizer: Any, without: frozenset[str], *also: str
) -> TorchAdapter:
    made = _Adapter(
        f"bitsandbytes/{name}",
        optimizer,
        without=without,
        version=bitsandbytes.__version__,
        keys=("state1", "step"),
        also=frozenset(also),
    )
    made.constants = {"initial_accumulator_value": 0.0}
    return made


def thirty_two_bits() -> TorchAdapter:
    """Accumulators are binary32."""
    return _port("32-bit", Adagrad, _LACKS)


def eight_bits() -> TorchAdapter:
    """Accumulators of large params are of 8 bits; no state is written to them."""
    return _port("8-bit", Adagrad8bit, _LACKS | {"state-write"}, "quantised-state")
