"""deepspeed.ops.adagrad.DeepSpeedCPUAdagrad, whose kernel is compiled when installed.

Its documentation names lr, eps and weight decay; the accumulators begin at 0.  State
is kept in the param's own dtype here: the suite cannot judge binary32 state beside
narrow params.
"""

from __future__ import annotations

import deepspeed
from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad

from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["everything", "update"]

_LACKS = frozenset(
    [
        *("binary64", "complex", "refusals"),
        *("lr-decay", "initial-accumulator-value", "maximize"),
    ]
)


def _port(name: str, without: frozenset[str]) -> TorchAdapter:
    made = TorchAdapter(
        name,
        DeepSpeedCPUAdagrad,
        {"fp32_optimizer_states": False},
        without=without,
        version=deepspeed.__version__,
        keys=("exp_avg_sq", "step"),
    )
    made.constants = {"initial_accumulator_value": 0.0}
    return made


def everything() -> TorchAdapter:
    """The optimizer, judged by params, state and gradients."""
    return _port("deepspeed", _LACKS)


def update() -> TorchAdapter:
    """The same optimizer, judged by params and state alone."""
    return _port("deepspeed/update", _LACKS | {"gradients"})
