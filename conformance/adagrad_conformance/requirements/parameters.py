"""The constructor: options, groups, what is refused."""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import OPTIMIZER, TORCH, Requirement

__all__ = ["REQUIREMENTS"]

_PARAMETERS = Classification(
    Theme.GROUPS,
    FaultClass.INTERFACE,
    keeps_claims=("refusals",),
    options=(),
    needs_its_state=False,
    subject=None,
)
_GROUPS = Classification(
    Theme.GROUPS,
    FaultClass.STATE,
    keeps_claims=(
        *("groups", "add-group", "add-params", "set-option", "set-lr"),
        *("mixed-formats", "refusals"),
    ),
    options=(),
    needs_its_state=False,
    subject=None,
)

REQUIREMENTS = (
    Requirement(
        "parameters/iterable",
        "MUST",
        "PAR-params",
        TORCH,
        _PARAMETERS,
        "params may be any iterable of tensors, in groups too.",
        "model.parameters() is a generator.",
    ),
    Requirement(
        "groups/own-options",
        "MUST",
        "PAR-params",
        OPTIMIZER,
        _GROUPS,
        "A group's options override the defaults, for that group alone.",
        "Per-layer rates are the reason why groups exist.",
        also=("M-add-group-dict", "PAR-lr", "PAR-eps", "PAR-maximize"),
    ),
    Requirement(
        "groups/two-optimizers",
        "MUST",
        "PAR-params",
        OPTIMIZER,
        _GROUPS,
        "Two optimizers on the same params have options and state of their own.",
        "Making a second optimizer would change the first.",
    ),
    Requirement(
        "groups/mixed-formats",
        "MUST",
        "PAR-params",
        OPTIMIZER,
        replace(_GROUPS, fault_class=FaultClass.LAYOUT),
        "Params of different formats may share an optimizer, if that is claimed.",
        "Only the first dtype of a mixed-precision model would be trained.",
    ),
    Requirement(
        "groups/own-initial-accumulator",
        "SHOULD",
        "PAR-params",
        OPTIMIZER,
        replace(_GROUPS, options=("initial_accumulator_value",)),
        "A group's initial_accumulator_value is honoured.",
        "The option is accepted and silently ignored.",
    ),
    Requirement(
        "groups/option-change",
        "MUST",
        "PAR-options",
        OPTIMIZER,
        replace(_GROUPS, subject="set-option"),
        "An option changed on a group takes effect at the next step.",
        "Learning-rate schedulers work by this.",
    ),
    Requirement(
        "groups/add",
        "MUST",
        "M-add-group",
        OPTIMIZER,
        replace(_GROUPS, subject="add-group"),
        "An added group starts with t = 0 and S = tau and changes no other param.",
        "Unfreezing layers during training works by this.",
        also=("M-add-group-use", "M-add-group-dict"),
    ),
    Requirement(
        "groups/duplicate-refused",
        "MUST",
        "M-add-group",
        OPTIMIZER,
        replace(_GROUPS, fault_class=FaultClass.INTERFACE),
        "A param that is already in a group is refused, stepped or not.",
        "It would be stepped twice.",
    ),
    Requirement(
        "parameters/refuses-illegal",
        "MUST",
        "R-options",
        OPTIMIZER,
        _PARAMETERS,
        "Negative and NaN options are refused by the constructor.",
        "A typo in a configuration trains silently to nonsense.",
    ),
    Requirement(
        "parameters/group-refuses-illegal",
        "SHOULD",
        "R-options",
        OPTIMIZER,
        _PARAMETERS,
        "Negative and NaN options are refused in groups too, also in added ones.",
        "The same typo, one level deeper.",
    ),
    Requirement(
        "parameters/defaults",
        "MUST",
        "PAR-options",
        OPTIMIZER,
        replace(_PARAMETERS, keeps_claims=("defaults",)),
        "What is left out has the document's default: lr 1e-2, lr_decay 0, "
        "weight_decay 0, eps 1e-10, maximize False, S_0 = 0.",
        "The same program trains another model.",
        also=(
            "PAR-lr",
            "PAR-lr-decay",
            "PAR-weight-decay",
            "PAR-eps",
            "PAR-maximize",
            "ALG-2",
        ),
    ),
    Requirement(
        "parameters/refuses-infinite",
        "MAY",
        "R-options",
        OPTIMIZER,
        _PARAMETERS,
        "Infinite options are refused.",
        "An infinite rate makes NaN of every weight at once.",
    ),
    Requirement(
        "parameters/paths-agree",
        "MAY",
        "PAR-foreach",
        TORCH,
        _PARAMETERS,
        "foreach None, True and False and fused give the same bits.",
        "Results change with the path that torch chooses.",
    ),
    Requirement(
        "groups/duplicate-in-one-list",
        "MAY",
        "R-options",
        TORCH,
        replace(_GROUPS, fault_class=FaultClass.INTERFACE),
        "A param given twice in one list is refused, or steps as it would in two "
        "steps.",
        "What happens to shared weights depends on the path.",
    ),
)
