"""The clauses of the source document, in our words and in its order.

The document is the PyTorch documentation of `torch.optim.Adagrad` (the edition whose
parameter list ends with `foreach` and `maximize`) and of its methods.  A ruling says
what the suite takes a clause to mean where the document is silent or contradicts
itself.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLAUSES", "Clause"]


@dataclass(frozen=True)
class Clause:
    """One thing that the document says, and how it is read."""

    id: str
    says: str
    ruling: str = ""
    finding: str = ""  #: what is wrong with the document itself here


_ALL = (
    Clause(
        "ALG-1",
        "The inputs are lr, the params, the objective, weight_decay, the initial "
        "accumulator value and lr_decay.",
        "eps is an input too.",
    ),
    Clause(
        "ALG-2",
        "state_sum starts at 0.",
        "state_sum starts at tau, which is 0 by default.",
        "The line contradicts the input tau of ALG-1.",
    ),
    Clause(
        "ALG-3",
        "g_t is the gradient at the params before the step.",
        "t counts the steps of that param, those in which it had a gradient.",
    ),
    Clause(
        "ALG-4",
        "The rate of step t is lr / (1 + (t - 1) lr_decay).",
        "t starts at 1: the first step uses lr itself.",
    ),
    Clause(
        "ALG-5",
        "If weight_decay is not 0, weight_decay * theta is added to g.",
        "It enters the accumulator too. With weight_decay 0 theta is not touched.",
    ),
    Clause("ALG-6", "state_sum grows by g * g.", "Elementwise."),
    Clause(
        "ALG-7",
        "theta moves by minus rate * g / (sqrt(state_sum) + eps).",
        "eps stands outside the root; state_sum is the new one.",
    ),
    Clause("ALG-8", "theta is the result.", "In place."),
    Clause("ALG-9", "maximize turns the sign of g.", "Before ALG-5."),
    Clause("PAR-params", "params are an iterable, or dicts that define groups."),
    Clause(
        "PAR-options",
        "lr 1e-2, lr_decay 0, weight_decay 0, eps 1e-10, maximize False.",
        "Negative and NaN values are refused. A group's options override the "
        "defaults; a change takes effect at the next step. "
        "initial_accumulator_value is an option too, 0 by default.",
        "The list lacks initial_accumulator_value, an input of the algorithm.",
    ),
    Clause("M-add-group", "A further param group can be added later."),
    Clause("M-state-dict", "state_dict() has the entries state and param_groups."),
    Clause("M-load", "load_state_dict() takes what state_dict() gave."),
    Clause("M-step", "step() takes one step; a closure gives the loss."),
    Clause("M-zero-grad", "zero_grad() zeroes the gradients or sets them to None."),
    Clause(
        "NONE-ZERO",
        "A zero gradient steps; a None gradient skips.",
        "Skipped whole: theta, state_sum and t keep every bit.",
    ),
    Clause(
        "R-memory",
        "(silent)",
        "A step writes into the elements of the param and nowhere else, and its "
        "result does not depend on position, size, strides or neighbours.",
    ),
    Clause(
        "R-special",
        "(silent)",
        "Infinities, NaN, zeros and overflow follow IEEE 754, element by element.",
    ),
    Clause(
        "R-numerics",
        "(silent)",
        "A result must be one that some legal floating-point evaluation of ALG-4 to "
        "ALG-7 gives: rounding to nearest in the format or wider (up to binary64), a "
        "faithful square root, any of five orders of the update.",
    ),
)

#: The clauses by id, in document order; rulings without a clause stand last.
CLAUSES: dict[str, Clause] = {clause.id: clause for clause in _ALL}
