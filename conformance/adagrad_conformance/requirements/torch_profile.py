"""What only torch optimizers have."""

from __future__ import annotations

from .requirement import TORCH, Requirement

__all__ = ["REQUIREMENTS"]

REQUIREMENTS = (
    Requirement(
        "torch/scheduler",
        "MUST",
        "R-torch",
        TORCH,
        "Learning-rate schedulers of torch drive the rate.",
        "Schedules would be ignored.",
    ),
    Requirement(
        "torch/default-dtype",
        "MUST",
        "R-torch",
        TORCH,
        "With float64 as torch's default dtype every step is the same.",
        "A library that sets the default dtype changes training.",
    ),
    Requirement(
        "torch/compiled",
        "MUST",
        "R-torch",
        TORCH,
        "A step under torch.compile stays inside the enclosure.",
        "Compiling a training loop would change what is computed.",
    ),
    Requirement(
        "torch/differentiable",
        "MUST",
        "R-torch",
        TORCH,
        "With differentiable=True the step can be differentiated, and its "
        "derivative is right.",
        "Meta-learning would follow a wrong gradient.",
    ),
    Requirement(
        "torch/tensor-lr",
        "SHOULD",
        "R-torch",
        TORCH,
        "lr may be a tensor: it is used as its value, and the step leaves it alone.",
        "Capturable and compiled loops pass tensors.",
    ),
    Requirement(
        "torch/grad-scaler",
        "SHOULD",
        "R-torch",
        TORCH,
        "Under GradScaler a step with finite gradients unscales them, one with "
        "infinite ones changes nothing.",
        "Mixed precision training would step by scaled or broken gradients.",
    ),
    Requirement(
        "torch/share-memory",
        "SHOULD",
        "R-torch",
        TORCH,
        "share_memory works, also after add_param_group.",
        "Hogwild training fails at start.",
    ),
    Requirement(
        "torch/cuda",
        "MUST",
        "R-torch",
        TORCH,
        "On CUDA every step stays inside the same enclosure.",
        "Results would change with the device.",
    ),
    Requirement(
        "torch/hooks",
        "MAY",
        "R-torch",
        TORCH,
        "Step hooks and load hooks are called, once each.",
        "Logging and averaging hang on them.",
    ),
)
