"""What torch allows of closures, copies, modes and threads, and what a host may demand.

The document has no word on most of these states, and programs bring all of them about.
"""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import TORCH, Requirement

__all__ = ["REQUIREMENTS"]

_HOST = Classification(
    Theme.TORCH,
    FaultClass.INTERFACE,
    keeps_claims=(),
    options=(),
    needs_its_state=False,
    subject=None,
)
_STATE = replace(_HOST, fault_class=FaultClass.STATE)
_CLOSURE = replace(_HOST, theme=Theme.GROUPS, fault_class=FaultClass.GRADIENTS)
_GRADIENTS = replace(_HOST, fault_class=FaultClass.GRADIENTS)

REQUIREMENTS = (
    Requirement(
        "torch/step-in-backward",
        "MUST",
        "R-torch",
        TORCH,
        _GRADIENTS,
        "An optimizer can step from a hook, as soon as backward has made the gradient.",
        "Training that saves memory in this way would go otherwise.",
    ),
    Requirement(
        "closure/raises",
        "MUST",
        "M-step-closure",
        TORCH,
        _CLOSURE,
        "An exception of the closure reaches the caller; nothing has changed, and "
        "the next step is right.",
        "A batch that is skipped after an error would leave a half step behind.",
    ),
    Requirement(
        "closure/steps-another",
        "MUST",
        "M-step-closure",
        TORCH,
        _CLOSURE,
        "A closure may step another optimizer; each goes as it does alone.",
        "Options or state of one would be used for the other.",
    ),
    Requirement(
        "groups/add-to-copy",
        "MUST",
        "M-add-group",
        TORCH,
        _STATE,
        "A group can be added to a copy and to a pickled optimizer, with the same "
        "outcome as to the first one.",
        "Unfreezing layers would fail after a restart.",
        also=("M-add-group-use",),
    ),
    Requirement(
        "torch/distributed-checkpoint",
        "SHOULD",
        "R-torch",
        TORCH,
        _STATE,
        "Saved and loaded by torch.distributed.checkpoint, a run goes on bit for bit.",
        "Jobs on several machines save in no other way.",
    ),
    Requirement(
        "torch/modes",
        "MUST",
        "R-torch",
        TORCH,
        _HOST,
        "Made and stepped under no_grad, enable_grad or deterministic algorithms, or "
        "with any number of threads, every step is right.",
        "Training would depend on where the optimizer is made.",
    ),
    Requirement(
        "torch/other-modes",
        "SHOULD",
        "R-torch",
        TORCH,
        _HOST,
        "Made and stepped under autocast, anomaly detection or a mode that watches, "
        "every step is right.",
        "A step inside the block of the forward pass would be another one.",
    ),
    Requirement(
        "torch/inference-mode",
        "SHOULD",
        "R-torch",
        TORCH,
        _HOST,
        "Made or first stepped under inference_mode, an optimizer steps outside it.",
        "It fails at the first step, far from where it was made.",
    ),
    Requirement(
        "torch/default-device",
        "SHOULD",
        "R-torch",
        TORCH,
        _HOST,
        "Params on the CPU are stepped there, whatever the default device is.",
        "Models that are made on the meta device could not be trained beside it.",
    ),
    Requirement(
        "torch/nested-steps",
        "SHOULD",
        "R-torch",
        TORCH,
        _HOST,
        "Hooks of a step may step other optimizers; each goes as it does alone.",
        "Averaging and adversarial training would mix two states.",
    ),
    Requirement(
        "torch/threads",
        "SHOULD",
        "R-torch",
        TORCH,
        _HOST,
        "Optimizers over disjoint params step in threads as they do alone, wherever "
        "they were made.",
        "Servers and Hogwild training would mix states, or hang.",
    ),
    Requirement(
        "torch/host-untouched",
        "MUST",
        "R-memory",
        TORCH,
        _HOST,
        "No call changes a setting or a random generator of the process, such as the "
        "default dtype, threads, warnings or grad mode.",
        "Everything else in the program would go otherwise.",
    ),
)
