"""The clauses of the source document, in our words and in its order.

The document is the PyTorch documentation of `torch.optim.Adagrad` (the edition whose
parameter list ends with `foreach` and `maximize`) and of its methods: every sentence
of it has a clause.  A ruling says what the suite takes a clause to mean where the
document is silent or contradicts itself; the rulings on what it never mentions stand
last.  A sentence that states no behaviour says why it is not checked.
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
    unchecked: str = ""  #: why no requirement can decide it


_SILENT = "(silent)"

_ALL = (
    Clause(
        "ALG-1",
        "The inputs are lr, the params, the objective, weight_decay, the initial "
        "accumulator value and lr_decay.",
        "eps is an input too.",
        "eps is used in the last line and missing from the inputs.",
    ),
    Clause(
        "ALG-2",
        "state_sum starts at 0.",
        "state_sum starts at tau, which is 0 by default.",
        "The line contradicts the input tau of ALG-1.",
    ),
    Clause("ALG-loop", "The steps repeat, t = 1, 2, and so on.", "Without an end."),
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
    Clause(
        "ALG-8",
        "theta is the result.",
        "In place: the param keeps its identity, storage, dtype and requires_grad.",
    ),
    Clause(
        "ALG-9",
        "maximize turns the sign of g.",
        "Before ALG-5.",
        "The parameter list has maximize, the algorithm does not.",
    ),
    Clause(
        "PAPER",
        "Details are in the paper of Duchi, Hazan and Singer (2011).",
        "Its regret bound (Theorem 5, diagonal case) holds on convex problems.",
    ),
    Clause("PAR-params", "params are an iterable, or dicts that define groups."),
    Clause("PAR-lr", "lr is the learning rate, 1e-2 by default."),
    Clause("PAR-lr-decay", "lr_decay is the decay of the rate, 0 by default."),
    Clause("PAR-weight-decay", "weight_decay is an L2 penalty, 0 by default."),
    Clause(
        "PAR-eps", "eps is added to the denominator for stability, 1e-10 by default."
    ),
    Clause(
        "PAR-foreach",
        "foreach chooses an implementation, None by default.",
        "All choices are legal, and each is held to the same enclosure.",
    ),
    Clause("PAR-maximize", "maximize ascends instead, False by default."),
    Clause("M-add-group", "A further param group can be added later."),
    Clause(
        "M-add-group-use",
        "So frozen layers can be made trainable as training goes on.",
        "The new params start with t = 0 and S = tau; the others notice nothing.",
    ),
    Clause(
        "M-add-group-dict",
        "The dict names the tensors, and options of the group's own.",
        "The defaults fill what it leaves out.",
    ),
    Clause("M-load", "load_state_dict() takes what state_dict() gave."),
    Clause(
        "M-state-dict",
        "state_dict() gives the state of the optimizer as a dict.",
        "Reading it changes nothing; it may be a live view.",
    ),
    Clause("M-state-dict-entries", "It has two entries."),
    Clause(
        "M-state-dict-state",
        "state holds the optimization state; what is in it differs between classes.",
        "By the params' indices, in order.",
    ),
    Clause(
        "M-state-dict-param-groups",
        "param_groups is the list of groups, a dict each.",
        "With every option under its name.",
    ),
    Clause("M-step", "step() takes one optimization step."),
    Clause(
        "M-step-closure",
        "step() may be given a closure that evaluates the model anew and returns the "
        "loss.",
        "It is called once, before the update, with gradients enabled, and its loss is "
        "returned; without one, None.",
    ),
    Clause("M-zero-grad", "zero_grad() sets all gradients to zero."),
    Clause(
        "M-zero-grad-none",
        "With set_to_none it sets them to None instead.",
        "The default differs between editions; only explicit values are judged.",
    ),
    Clause(
        "M-zero-grad-memory",
        "That takes less memory and can be somewhat faster.",
        unchecked="advice on memory and speed, no behaviour",
    ),
    Clause(
        "M-zero-grad-user",
        "Code of the user's that looks at a gradient sees None or zeros.",
        "Gradients are shown after every event.",
    ),
    Clause(
        "M-zero-grad-backward",
        "After set_to_none=True and a backward pass, gradients are None for params "
        "that received none.",
    ),
    Clause(
        "NONE-ZERO",
        "A zero gradient steps; a None gradient skips.",
        "Skipped whole: theta, state_sum and t keep every bit.",
    ),
    Clause(
        "PAR-options",
        _SILENT,
        "initial_accumulator_value is an option too, 0 by default. A change of an "
        "option takes effect at the next step.",
        "The parameter list lacks initial_accumulator_value, an input of the "
        "algorithm.",
    ),
    Clause(
        "R-options",
        _SILENT,
        "Negative and NaN options are refused, in groups too. Infinite ones, and a "
        "param twice in one list, may be.",
    ),
    Clause(
        "R-memory",
        _SILENT,
        "A step writes into the elements of the param and nowhere else, and its "
        "result does not depend on position, size, strides or neighbours.",
    ),
    Clause(
        "R-special",
        _SILENT,
        "Infinities, NaN, zeros and overflow follow IEEE 754, element by element.",
    ),
    Clause(
        "R-numerics",
        _SILENT,
        "A result must be one that some legal floating-point evaluation of ALG-4 to "
        "ALG-7 gives: rounding to nearest in the format or wider (up to binary64), a "
        "faithful square root, any of six orders of the update.",
    ),
    Clause(
        "R-sparse",
        _SILENT,
        "Duplicate indices are summed before squaring; absent rows keep theta and S, "
        "and t advances; weight_decay is refused.",
    ),
    Clause("R-complex", _SILENT, "A complex param is a pair of reals."),
    Clause(
        "R-torch",
        _SILENT,
        "Later editions and the framework around: tensor lr, schedulers, default "
        "dtype, compile, differentiable, scaler, shared memory, hooks, devices.",
    ),
    Clause(
        "R-relations",
        _SILENT,
        "What follows from the algorithm for two runs of one port, bit for bit.",
    ),
)

#: The clauses by id, in document order; rulings without a clause stand last.
CLAUSES: dict[str, Clause] = {clause.id: clause for clause in _ALL}
