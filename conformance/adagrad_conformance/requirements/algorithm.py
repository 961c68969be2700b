"""The algorithm, line by line: ALG-1 to ALG-9."""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import ALGORITHM, Requirement

__all__ = ["REQUIREMENTS"]

_FORMULA = Classification(
    Theme.NUMERICS,
    FaultClass.FORMULA,
    keeps_claims=(),
    options=(),
    needs_its_state=False,
    subject=None,
)
_LR_DECAY = Classification(
    Theme.LR_DECAY,
    FaultClass.RATE,
    keeps_claims=("lr-decay",),
    options=("lr_decay",),
    needs_its_state=False,
    subject=None,
)
_WEIGHT_DECAY = Classification(
    Theme.WEIGHT_DECAY,
    FaultClass.DECAY,
    keeps_claims=("weight-decay",),
    options=("weight_decay",),
    needs_its_state=False,
    subject=None,
)
_MAXIMIZE = Classification(
    Theme.MAXIMIZE,
    FaultClass.DECAY,
    keeps_claims=("maximize",),
    options=("maximize",),
    needs_its_state=False,
    subject=None,
)

REQUIREMENTS = (
    Requirement(
        "algorithm/update",
        "MUST",
        "ALG-7",
        ALGORITHM,
        _FORMULA,
        "theta moves by rate * g / (sqrt(S) + eps), with the new S and eps outside "
        "the root.",
        "Another formula trains another model with the same settings.",
    ),
    Requirement(
        "algorithm/accumulator",
        "MUST",
        "ALG-6",
        ALGORITHM,
        _FORMULA,
        "S grows by the square of the gradient that is used, in each element.",
        "A wrong S shows only some steps later, as a wrong effective rate.",
    ),
    Requirement(
        "algorithm/initial-accumulator",
        "MUST",
        "ALG-2",
        ALGORITHM,
        replace(
            _FORMULA,
            keeps_claims=("initial-accumulator-value",),
            options=("initial_accumulator_value",),
        ),
        "S starts at initial_accumulator_value.",
        "The first steps are too large, or the option is silently dead.",
    ),
    Requirement(
        "lr-decay/first-step",
        "MUST",
        "ALG-4",
        ALGORITHM,
        _LR_DECAY,
        "The first step uses lr itself.",
        "Counting from 1 where the formula counts from 0 shifts the whole schedule.",
    ),
    Requirement(
        "lr-decay/schedule",
        "MUST",
        "ALG-4",
        ALGORITHM,
        _LR_DECAY,
        "Step t uses lr / (1 + (t - 1) lr_decay), also for large t.",
        "A rate that decays otherwise ends training too early or never.",
    ),
    Requirement(
        "lr-decay/own-counter",
        "MUST",
        "ALG-3",
        ALGORITHM,
        replace(_LR_DECAY, keeps_claims=()),
        "t counts the steps of each param, not calls of step().",
        "A layer unfrozen late starts with an already decayed rate.",
    ),
    Requirement(
        "lr-decay/counts-beyond-2-24",
        "SHOULD",
        "ALG-3",
        ALGORITHM,
        replace(_LR_DECAY, keeps_claims=()),
        "t goes on counting past 2^24.",
        "A binary32 counter stands still there, and the rate with it.",
    ),
    Requirement(
        "weight-decay/coupled",
        "MUST",
        "ALG-5",
        ALGORITHM,
        _WEIGHT_DECAY,
        "weight_decay * theta is part of the gradient, in the update and in S.",
        "Decay that is decoupled, or missing from S, regularises differently.",
    ),
    Requirement(
        "weight-decay/zero-is-off",
        "MUST",
        "ALG-5",
        ALGORITHM,
        _WEIGHT_DECAY,
        "With weight_decay 0, theta does not enter the gradient.",
        "0 * inf would turn one infinite weight into NaN.",
    ),
    Requirement(
        "maximize/sign",
        "MUST",
        "ALG-9",
        ALGORITHM,
        _MAXIMIZE,
        "maximize ascends: the gradient's sign is turned.",
        "Training runs in the wrong direction.",
    ),
    Requirement(
        "maximize/before-weight-decay",
        "MUST",
        "ALG-9",
        ALGORITHM,
        replace(
            _MAXIMIZE,
            keeps_claims=("maximize", "weight-decay"),
            options=("maximize", "weight_decay"),
        ),
        "The sign is turned before weight decay is added.",
        "Otherwise decay makes weights grow whenever maximize is on.",
    ),
    Requirement(
        "algorithm/all-inputs",
        "MUST",
        "ALG-1",
        ALGORITHM,
        replace(_FORMULA, keeps_claims=("eps", "initial-accumulator-value")),
        "Every input takes part, eps included, when all are given at once.",
        "Options that work alone and not together fail only in the real configuration.",
    ),
    Requirement(
        "algorithm/long-run",
        "MUST",
        "ALG-loop",
        ALGORITHM,
        _FORMULA,
        "Step 10,000 is still the step of the document, for every t between.",
        "State that drifts, saturates or is reset late is seen in no short test.",
        also=("ALG-3", "ALG-6"),
    ),
)
