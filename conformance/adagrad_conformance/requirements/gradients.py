"""None and zero gradients, zero_grad, and gradients left alone."""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import OPTIMIZER, TORCH, Requirement

__all__ = ["REQUIREMENTS"]

_NONE_VS_ZERO = Classification(
    Theme.NONE_AND_ZERO,
    FaultClass.GRADIENTS,
    keeps_claims=("none-gradient",),
    options=(),
    needs_its_state=False,
    subject=None,
)
_ZERO_GRAD = Classification(
    Theme.NONE_AND_ZERO,
    FaultClass.GRADIENTS,
    keeps_claims=("zero-grad",),
    options=(),
    needs_its_state=False,
    subject="zero-grad",
)
_GRADIENTS = Classification(
    Theme.NONE_AND_ZERO,
    FaultClass.GRADIENTS,
    keeps_claims=(),
    options=(),
    needs_its_state=False,
    subject=None,
)

REQUIREMENTS = (
    Requirement(
        "none-vs-zero/none-skips",
        "MUST",
        "NONE-ZERO",
        OPTIMIZER,
        _NONE_VS_ZERO,
        "A param whose gradient is None keeps theta, S and t, decay or not.",
        "Frozen layers would drift by weight decay alone.",
    ),
    Requirement(
        "none-vs-zero/zero-steps",
        "MUST",
        "NONE-ZERO",
        OPTIMIZER,
        replace(_NONE_VS_ZERO, keeps_claims=(), subject="zero-gradient"),
        "A zero gradient steps: t advances and weight decay acts.",
        "A skipped zero changes the schedule and switches decay off.",
    ),
    Requirement(
        "none-vs-zero/interleaved",
        "MUST",
        "NONE-ZERO",
        OPTIMIZER,
        _NONE_VS_ZERO,
        "None and zero gradients may come in any order, per param and per group.",
        "State that slips to a neighbour, or a counter that runs on, spoils a resume.",
    ),
    Requirement(
        "zero-grad/to-none",
        "MUST",
        "M-zero-grad-none",
        OPTIMIZER,
        _ZERO_GRAD,
        "zero_grad(set_to_none=True) makes every gradient None.",
        "A stale gradient would be applied again.",
        also=("M-zero-grad-user",),
    ),
    Requirement(
        "zero-grad/to-zero",
        "MUST",
        "M-zero-grad",
        OPTIMIZER,
        _ZERO_GRAD,
        "zero_grad(set_to_none=False) leaves zeros where there was a gradient.",
        "A None instead of zeros turns a step into a skip.",
        also=("M-zero-grad-user",),
    ),
    Requirement(
        "gradients/untouched",
        "MUST",
        "M-step",
        OPTIMIZER,
        _GRADIENTS,
        "A step never changes a gradient.",
        "Gradient accumulation, clipping and logging read spoiled values.",
    ),
    Requirement(
        "zero-grad/backward-keeps-none",
        "MUST",
        "M-zero-grad-backward",
        TORCH,
        _ZERO_GRAD,
        "After zero_grad(set_to_none=True) a backward pass leaves None where it "
        "brings no gradient.",
        "Params that took no part would be stepped by stale or zero gradients.",
    ),
    Requirement(
        "zero-grad/keeps-none",
        "MAY",
        "M-zero-grad",
        OPTIMIZER,
        _ZERO_GRAD,
        "zero_grad(set_to_none=False) leaves a gradient None that was None.",
        "Zeros in its place turn skips into steps.",
    ),
)
