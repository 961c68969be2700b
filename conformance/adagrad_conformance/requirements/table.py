"""The requirements, in an ordered table.

Ids are permanent.  MUST is demanded; a SHOULD that fails is shown as a finding; MAY is
reported only.  `why` says how a user is hurt by a port that does otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["REQUIREMENTS", "Requirement"]


@dataclass(frozen=True)
class Requirement:
    """One demand, traced to a clause of clauses.py."""

    id: str
    level: str
    clause: str
    demands: str
    why: str


_ALL = (
    Requirement(
        "algorithm/update",
        "MUST",
        "ALG-7",
        "theta moves by rate * g / (sqrt(S) + eps), with the new S and eps outside "
        "the root.",
        "Another formula trains another model with the same settings.",
    ),
    Requirement(
        "algorithm/accumulator",
        "MUST",
        "ALG-6",
        "S grows by the square of the gradient that is used, in each element.",
        "A wrong S shows only some steps later, as a wrong effective rate.",
    ),
    Requirement(
        "algorithm/initial-accumulator",
        "MUST",
        "ALG-2",
        "S starts at initial_accumulator_value.",
        "The first steps are too large, or the option is silently dead.",
    ),
    Requirement(
        "lr-decay/first-step",
        "MUST",
        "ALG-4",
        "The first step uses lr itself.",
        "Counting from 1 where the formula counts from 0 shifts the whole schedule.",
    ),
    Requirement(
        "lr-decay/schedule",
        "MUST",
        "ALG-4",
        "Step t uses lr / (1 + (t - 1) lr_decay), also for large t.",
        "A rate that decays otherwise ends training too early or never.",
    ),
    Requirement(
        "lr-decay/own-counter",
        "MUST",
        "ALG-3",
        "t counts the steps of each param, not calls of step().",
        "A layer unfrozen late starts with an already decayed rate.",
    ),
    Requirement(
        "lr-decay/counts-beyond-2-24",
        "SHOULD",
        "ALG-3",
        "t goes on counting past 2^24.",
        "A binary32 counter stands still there, and the rate with it.",
    ),
    Requirement(
        "weight-decay/coupled",
        "MUST",
        "ALG-5",
        "weight_decay * theta is part of the gradient, in the update and in S.",
        "Decay that is decoupled, or missing from S, regularises differently.",
    ),
    Requirement(
        "weight-decay/zero-is-off",
        "MUST",
        "ALG-5",
        "With weight_decay 0, theta does not enter the gradient.",
        "0 * inf would turn one infinite weight into NaN.",
    ),
    Requirement(
        "maximize/sign",
        "MUST",
        "ALG-9",
        "maximize ascends: the gradient's sign is turned.",
        "Training runs in the wrong direction.",
    ),
    Requirement(
        "maximize/before-weight-decay",
        "MUST",
        "ALG-9",
        "The sign is turned before weight decay is added.",
        "Otherwise decay makes weights grow whenever maximize is on.",
    ),
    Requirement(
        "none-vs-zero/none-skips",
        "MUST",
        "NONE-ZERO",
        "A param whose gradient is None keeps theta, S and t, decay or not.",
        "Frozen layers would drift by weight decay alone.",
    ),
    Requirement(
        "none-vs-zero/zero-steps",
        "MUST",
        "NONE-ZERO",
        "A zero gradient steps: t advances and weight decay acts.",
        "A skipped zero changes the schedule and switches decay off.",
    ),
    Requirement(
        "none-vs-zero/interleaved",
        "MUST",
        "NONE-ZERO",
        "None and zero gradients may come in any order, per param and per group.",
        "State that slips to a neighbour, or a counter that runs on, spoils a resume.",
    ),
    Requirement(
        "zero-grad/to-none",
        "MUST",
        "M-zero-grad",
        "zero_grad(set_to_none=True) makes every gradient None.",
        "A stale gradient would be applied again.",
    ),
    Requirement(
        "zero-grad/to-zero",
        "MUST",
        "M-zero-grad",
        "zero_grad(set_to_none=False) leaves zeros where there was a gradient.",
        "A None instead of zeros turns a step into a skip.",
    ),
    Requirement(
        "closure/once",
        "MUST",
        "M-step",
        "step(closure) calls it once, before the update, and returns its loss.",
        "Gradients of moved params, or a lost loss, break line searches and logging.",
    ),
    Requirement(
        "gradients/untouched",
        "MUST",
        "M-step",
        "A step never changes a gradient.",
        "Gradient accumulation, clipping and logging read spoiled values.",
    ),
    Requirement(
        "groups/own-options",
        "MUST",
        "PAR-params",
        "A group's options override the defaults, for that group alone.",
        "Per-layer rates are the reason why groups exist.",
    ),
    Requirement(
        "groups/two-optimizers",
        "MUST",
        "PAR-params",
        "Two optimizers on the same params have options and state of their own.",
        "Making a second optimizer would change the first.",
    ),
    Requirement(
        "groups/mixed-formats",
        "MUST",
        "PAR-params",
        "Params of different formats may share an optimizer, if that is claimed.",
        "Only the first dtype of a mixed-precision model would be trained.",
    ),
    Requirement(
        "groups/own-initial-accumulator",
        "SHOULD",
        "PAR-params",
        "A group's initial_accumulator_value is honoured.",
        "The option is accepted and silently ignored.",
    ),
    Requirement(
        "groups/option-change",
        "MUST",
        "PAR-options",
        "An option changed on a group takes effect at the next step.",
        "Learning-rate schedulers work by this.",
    ),
    Requirement(
        "groups/add",
        "MUST",
        "M-add-group",
        "An added group starts with t = 0 and S = tau and disturbs nobody.",
        "Unfreezing layers during training works by this.",
    ),
    Requirement(
        "groups/duplicate-refused",
        "MUST",
        "M-add-group",
        "A param that is already in a group is refused, stepped or not.",
        "It would be stepped twice.",
    ),
    Requirement(
        "parameters/refuses-illegal",
        "MUST",
        "PAR-options",
        "Negative and NaN options are refused by the constructor.",
        "A typo in a configuration trains silently to nonsense.",
    ),
    Requirement(
        "parameters/group-refuses-illegal",
        "SHOULD",
        "PAR-options",
        "Negative and NaN options are refused in groups too.",
        "The same typo, one level deeper.",
    ),
    Requirement(
        "state-dict/deepcopy",
        "MUST",
        "M-load",
        "Loaded from a deep copy, training goes on as if nothing had happened.",
        "A rollback in memory would not bring the old optimizer back.",
    ),
    Requirement(
        "state-dict/bytes",
        "MUST",
        "M-load",
        "Loaded from bytes, training goes on as if nothing had happened.",
        "A run resumed from a checkpoint differs from one that was not interrupted.",
    ),
    Requirement(
        "state-dict/new-process",
        "MUST",
        "M-load",
        "Loaded in another process, training goes on as if nothing had happened.",
        "State kept outside the dict is lost with the process.",
    ),
    Requirement(
        "state-dict/reading",
        "MUST",
        "M-state-dict",
        "Taking the state dict changes nothing.",
        "Saving a checkpoint would change the run that is saved.",
    ),
    Requirement(
        "state-dict/options",
        "MUST",
        "M-load",
        "The loaded options win over those of the constructor.",
        "A resumed run would fall back to another learning rate.",
    ),
    Requirement(
        "state-dict/mismatch-refused",
        "MUST",
        "M-load",
        "A dict of other groups or params is refused and changes nothing.",
        "State loaded into the wrong params is worse than an error.",
    ),
    Requirement(
        "state-dict/independent",
        "SHOULD",
        "M-load",
        "After loading one optimizer's own dict, the two do not share state.",
        "Stepping a copy would silently move the original.",
    ),
    Requirement(
        "layout/strided-param",
        "MUST",
        "R-memory",
        "A param that is a view steps as any other, and memory around it is kept.",
        "Writing outside the view corrupts other weights.",
    ),
    Requirement(
        "layout/strides-differ",
        "MUST",
        "R-memory",
        "Param and gradient may have different strides.",
        "Each element would be moved by a neighbour's gradient.",
    ),
    Requirement(
        "layout/any-size",
        "MUST",
        "R-memory",
        "Every size works: 0, 1, one more or less than a vector's lanes, scalars.",
        "Vector loops and their remainders go wrong separately.",
    ),
    Requirement(
        "numerics/ordinary",
        "MUST",
        "R-numerics",
        "Random ordinary steps stay inside the enclosure.",
        "Precision is lost where nobody looks.",
    ),
    Requirement(
        "numerics/fresh",
        "MUST",
        "R-numerics",
        "Random scenarios that no file contains are played as rightly as known ones.",
        "A port that looks results up, or is tuned to the files, is found out.",
    ),
    Requirement(
        "numerics/zero-theta",
        "MUST",
        "R-numerics",
        "From theta = 0 the update itself is seen, to its last bit.",
        "Elsewhere theta hides the error of the update.",
    ),
    Requirement(
        "numerics/large-lr",
        "MUST",
        "R-numerics",
        "Large rates with weight decay stay inside the enclosure.",
        "Decay that is applied apart from the gradient shows here.",
    ),
    Requirement(
        "numerics/eps",
        "MUST",
        "R-numerics",
        "Gradients of the size of eps show where eps stands.",
        "eps inside the root is another algorithm for small gradients.",
    ),
    Requirement(
        "numerics/late-step",
        "MUST",
        "R-numerics",
        "Steps 2, 5, 7, 1000 and beyond stay inside the enclosure.",
        "A decayed rate held in a narrow format drifts with t.",
    ),
    Requirement(
        "numerics/cancellation",
        "MUST",
        "R-numerics",
        "g near -weight_decay * theta, and theta near the update, stay inside.",
        "Cancellation multiplies every rounding before it.",
    ),
    Requirement(
        "numerics/ties",
        "MUST",
        "R-numerics",
        "Results half-way between two numbers stay inside.",
        "Truncation instead of rounding shows here.",
    ),
    Requirement(
        "numerics/overflow",
        "MUST",
        "R-special",
        "Where g * g overflows, S is inf, or finite in a wider intermediate.",
        "NaN would spread where a finite step or none is right.",
    ),
    Requirement(
        "numerics/subnormals",
        "SHOULD",
        "R-numerics",
        "Subnormal inputs and results are kept.",
        "Flushing to zero stops learning near zero; it should be declared.",
    ),
    Requirement(
        "special-values/zero-on-zero",
        "MUST",
        "R-special",
        "A zero gradient on S = 0 leaves theta where eps > 0.",
        "The first zero gradient would make NaN.",
    ),
    Requirement(
        "special-values/zero-on-zero-without-eps",
        "MAY",
        "R-special",
        "With eps = 0 a zero gradient on S = 0 gives NaN or, guarded, no step.",
        "Both are seen in the world; which one is reported.",
    ),
    Requirement(
        "special-values/default-eps-in-binary16",
        "SHOULD",
        "R-special",
        "In binary16 the default eps should not make NaN of a zero gradient.",
        "1e-10 is 0 in binary16: the first zero gradient ruins the param.",
    ),
    Requirement(
        "special-values/non-finite-gradient",
        "MUST",
        "R-special",
        "An infinite or NaN gradient spoils its own element only.",
        "One bad sample would ruin a whole tensor.",
    ),
    Requirement(
        "special-values/infinite-theta",
        "MUST",
        "R-special",
        "An infinite theta without decay stays infinite.",
        "It would turn into NaN and spread.",
    ),
)

#: The requirements by id, in table order.
REQUIREMENTS: dict[str, Requirement] = {r.id: r for r in _ALL}
