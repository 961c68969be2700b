"""What torch allows of params, groups, options and gradients.

The document has no word on most of these states, and programs bring all of them about.
"""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import TORCH, Requirement

__all__ = ["REQUIREMENTS"]

_PARAMS = Classification(
    Theme.TORCH,
    FaultClass.INTERFACE,
    keeps_claims=(),
    options=(),
    needs_its_state=False,
    subject=None,
)
_NUMBERS = replace(_PARAMS, fault_class=FaultClass.RATE)
_STATE = replace(_PARAMS, fault_class=FaultClass.STATE)
_GROUPS = replace(_PARAMS, theme=Theme.GROUPS, fault_class=FaultClass.STATE)
_GRADIENTS = replace(_PARAMS, fault_class=FaultClass.GRADIENTS)
_FROZEN = replace(_PARAMS, theme=Theme.NONE_AND_ZERO, fault_class=FaultClass.GRADIENTS)

REQUIREMENTS = (
    Requirement(
        "none-vs-zero/frozen",
        "MUST",
        "NONE-ZERO",
        TORCH,
        _FROZEN,
        "A param with requires_grad=False, which has no gradient, keeps theta, S and "
        "t, decay or not, and goes on once it is thawed.",
        "Frozen layers would drift, or could not be trained again.",
    ),
    Requirement(
        "parameters/any-tensor",
        "MUST",
        "PAR-params",
        TORCH,
        _PARAMS,
        "A param may be a Parameter of a subclass, a tensor that is none, or a slice "
        "of a buffer.",
        "Flat buffers and the weights of libraries would stand still.",
        also=("R-memory",),
    ),
    Requirement(
        "torch/non-leaf-refused",
        "SHOULD",
        "R-torch",
        TORCH,
        _PARAMS,
        "A tensor that was computed from others is refused.",
        "The param that it was computed from never moves.",
    ),
    Requirement(
        "torch/lazy-params",
        "SHOULD",
        "R-torch",
        TORCH,
        _PARAMS,
        "A param without a shape, where it is taken, steps as soon as it has one.",
        "S would have no shape, or that of another param.",
    ),
    Requirement(
        "torch/moved-params",
        "SHOULD",
        "R-torch",
        TORCH,
        _STATE,
        "After a param got new memory, its S and t go on.",
        "Moving a model, or loading weights into it, would restart or break training.",
    ),
    Requirement(
        "torch/retyped-params",
        "SHOULD",
        "R-torch",
        TORCH,
        _STATE,
        "After params became binary64, S goes on in binary64, or the step is refused "
        "and changes nothing.",
        "The step fails half done, or half of the digits are lost without a word.",
    ),
    Requirement(
        "torch/sets-refused",
        "SHOULD",
        "R-torch",
        TORCH,
        _PARAMS,
        "A set of params is refused, in a group and outside.",
        "Its order changes from run to run, so a checkpoint is loaded into other "
        "params.",
    ),
    Requirement(
        "groups/empty",
        "MUST",
        "PAR-params",
        TORCH,
        _GROUPS,
        "Among groups without params, all others keep their options, their state and "
        "their place, also in a save.",
        "A group would take its neighbour's rate or state.",
        also=("M-add-group",),
    ),
    Requirement(
        "groups/empty-taken",
        "SHOULD",
        "PAR-params",
        TORCH,
        _GROUPS,
        "A group may have no params: no method fails on it.",
        "Sharded and pruned models have such groups.",
        also=("M-add-group",),
    ),
    Requirement(
        "groups/emptied-and-refilled",
        "SHOULD",
        "PAR-params",
        TORCH,
        _GROUPS,
        "A group that a program empties is not stepped; refilled, it goes on from "
        "its state.",
        "Layers that were taken out for a while would move, or lose their history.",
    ),
    Requirement(
        "groups/replaced-param",
        "SHOULD",
        "PAR-params",
        TORCH,
        _GROUPS,
        "After a param of a group was replaced, a step is refused, or state_dict() "
        "goes on working.",
        "The run trains on and cannot be saved any more.",
        also=("M-state-dict",),
    ),
    Requirement(
        "groups/given-dicts",
        "SHOULD",
        "PAR-params",
        TORCH,
        _GROUPS,
        "The dicts that define groups stay as they are given, and can define those "
        "of another optimizer.",
        "A second optimizer takes the first one's rate, and changes it.",
        also=("M-add-group-dict",),
    ),
    Requirement(
        "groups/labels",
        "SHOULD",
        "M-add-group-dict",
        TORCH,
        _GROUPS,
        "Entries of the program's own in a group are kept, saved and loaded.",
        "Schedules by layer find their groups by such names.",
        also=("M-state-dict-param-groups",),
    ),
    Requirement(
        "parameters/python-numbers",
        "MUST",
        "PAR-options",
        TORCH,
        _NUMBERS,
        "An option may be an int or a float of a subclass, such as NumPy's float64; "
        "its value counts.",
        "lr=1 in a configuration would mean another rate than lr=1.0.",
        also=("PAR-lr", "PAR-lr-decay", "PAR-weight-decay", "PAR-eps"),
    ),
    Requirement(
        "parameters/other-numbers",
        "SHOULD",
        "PAR-options",
        TORCH,
        _NUMBERS,
        "An option may be a bool, a NumPy scalar or a tensor without a dimension; "
        "its value counts, in full precision.",
        "Sweeps hand over such values; the rate would be rounded to their type.",
    ),
    Requirement(
        "parameters/by-position",
        "SHOULD",
        "PAR-options",
        TORCH,
        _NUMBERS,
        "Options given by position are those of the document's signature, in its "
        "order.",
        "A decay would be taken for an eps, without an error.",
    ),
    Requirement(
        "gradients/with-graph",
        "MUST",
        "M-step",
        TORCH,
        _GRADIENTS,
        "A gradient with a graph of its own is used as its value; the step changes "
        "neither the gradient nor its graph, and no graph enters theta or S.",
        "Second derivatives would be wrong, or memory would grow with each step.",
        also=("ALG-8",),
    ),
    Requirement(
        "gradients/shared",
        "MUST",
        "M-step",
        TORCH,
        _GRADIENTS,
        "A gradient that several params share, or that is a view of another, serves "
        "each of them and stays as it is.",
        "Flat buffers and tied layers would be stepped by spoiled gradients.",
        also=("R-memory",),
    ),
    Requirement(
        "gradients/other-dtypes",
        "SHOULD",
        "R-torch",
        TORCH,
        _GRADIENTS,
        "A gradient of another dtype than its param is used at its value, or refused "
        "before anything has changed.",
        "Some params have moved and counted, others not, when the error comes.",
    ),
    Requirement(
        "gradients/lazy-views",
        "SHOULD",
        "R-torch",
        TORCH,
        _GRADIENTS,
        "A gradient that torch conjugates or negates lazily is used at its value.",
        "Autograd itself makes such gradients of complex params.",
    ),
    Requirement(
        "torch/inference-gradients",
        "SHOULD",
        "R-torch",
        TORCH,
        _GRADIENTS,
        "A gradient that was made under inference_mode is used outside it.",
        "Gradients that other tools compute are made there.",
    ),
)
