"""What only torch optimizers have."""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import TORCH, Requirement

__all__ = ["REQUIREMENTS"]

_NATIVE = Classification(
    Theme.TORCH,
    FaultClass.INTERFACE,
    keeps_claims=(),
    options=(),
    needs_its_state=False,
    subject=None,
)

REQUIREMENTS = (
    Requirement(
        "torch/scheduler",
        "MUST",
        "R-torch",
        TORCH,
        replace(_NATIVE, fault_class=FaultClass.RATE),
        "Learning-rate schedulers of torch drive the rate; initial_lr is kept, saved "
        "and loaded.",
        "Schedules would be ignored, or could not be resumed.",
    ),
    Requirement(
        "torch/default-dtype",
        "MUST",
        "R-torch",
        TORCH,
        replace(_NATIVE, fault_class=FaultClass.NUMERICS),
        "With float64 or a dtype of 16 bits as torch's default dtype, from the start "
        "or from some step on, every step is right all the same.",
        "A library that sets the default dtype changes training.",
    ),
    Requirement(
        "torch/compiled",
        "MUST",
        "R-torch",
        TORCH,
        replace(_NATIVE, fault_class=FaultClass.NUMERICS),
        "A step under torch.compile stays inside the enclosure.",
        "Compiling a training loop would change what is computed.",
    ),
    Requirement(
        "torch/compiled-in-binary64",
        "SHOULD",
        "R-torch",
        TORCH,
        replace(_NATIVE, fault_class=FaultClass.NUMERICS),
        "The same for params in binary64: no part of the step is computed in less.",
        "With lr_decay, a rate held in binary32 loses half of the digits.",
    ),
    Requirement(
        "torch/differentiable",
        "MUST",
        "R-torch",
        TORCH,
        _NATIVE,
        "With differentiable=True the step can be differentiated, and its "
        "derivative is right.",
        "Meta-learning would follow a wrong gradient.",
    ),
    Requirement(
        "torch/tensor-lr",
        "SHOULD",
        "R-torch",
        TORCH,
        replace(_NATIVE, fault_class=FaultClass.RATE),
        "lr may be a tensor: it is used as its value, and the step leaves it alone.",
        "Capturable and compiled loops pass tensors.",
    ),
    Requirement(
        "torch/grad-scaler",
        "SHOULD",
        "R-torch",
        TORCH,
        replace(_NATIVE, fault_class=FaultClass.GRADIENTS),
        "Under GradScaler a step with finite gradients unscales them, one with "
        "infinite ones changes nothing.",
        "Mixed precision training would step by scaled or broken gradients.",
    ),
    Requirement(
        "torch/share-memory",
        "SHOULD",
        "R-torch",
        TORCH,
        replace(_NATIVE, fault_class=FaultClass.STATE),
        "share_memory, where there is one, puts every S into shared memory and keeps "
        "its bits, also after add_param_group.",
        "Hogwild training fails at start.",
    ),
    Requirement(
        "torch/cuda",
        "MUST",
        "R-torch",
        TORCH,
        _NATIVE,
        "On CUDA every step stays inside the same enclosure, and S lies where its "
        "param does, also after loading what the CPU saved.",
        "Results would change with the device.",
    ),
    Requirement(
        "torch/hooks",
        "MAY",
        "R-torch",
        TORCH,
        _NATIVE,
        "Hooks on step, state_dict and load_state_dict are called, once each.",
        "Logging and averaging hang on them.",
    ),
    Requirement(
        "torch/lone-tensor-refused",
        "SHOULD",
        "R-torch",
        TORCH,
        _NATIVE,
        "A single tensor in place of params is refused.",
        "It is an iterable of its rows, which are copies, so the model stays as it is.",
    ),
    Requirement(
        "torch/named-params",
        "MAY",
        "R-torch",
        TORCH,
        _NATIVE,
        "Params may be given with their names, where torch knows such.",
        "named_parameters() of a model could not be passed on.",
    ),
)
