"""The switches of dialects: every place where Adagrads are known to differ.

Rule 1.  A switch has a type, which lists its values, the document's first, and one row
         in `SWITCHES`, which holds for each other value its words, its class of fault,
         whether an exact step is computed by it, and whether the laws of relations hold
         for it.
Rule 2.  A switch acts in the formula (enclosure.py, dialects.py) or, with `by_books`,
         in the bookkeeping (dialect_bookkeeping.py).
Rule 3.  A row that does not have exactly the values of the type is an error at import.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from .fault_class import FaultClass

__all__ = [
    "APART",
    "SWITCHES",
    "Accumulator",
    "Counter",
    "Decay",
    "Departure",
    "Eps",
    "Guard",
    "Initial",
    "Inverse",
    "Loading",
    "Maximize",
    "NoneGradient",
    "OptionsInForce",
    "Rate",
    "Scalars",
    "Square",
    "Switch",
    "Update",
    "ZeroDecay",
    "ZeroGradient",
    "ZeroingGradients",
]

# -- the values, the document's first --------------------------------------------------

Initial = Literal["tau", "zero", "constructor", "squared", "eps"]
Counter = Literal["param", "optimizer", "calls", "object", "secret", "stuck"]
Rate = Literal["t-1", "t", "constant", "binary32", "root"]
Scalars = Literal["exact", "binary32"]
Decay = Literal[
    "coupled",
    "ignored",
    "decoupled",
    "unscaled",
    "undecayed",
    "sum-only",
    "step-only",
    "subtracted",
    "doubled",
]
ZeroDecay = Literal["off", "computed"]
Square = Literal["rounded", "faithful"]
Accumulator = Literal["grows", "replaced", "late", "gains-eps", "rooted", "row-mean"]
Eps = Literal["outside", "inside", "squared", "none", "replaced", "binary32"]
Guard = Literal["none", "zero", "nan"]
Inverse = Literal["rounded", "approximate"]
Update = Literal["subtracted", "added", "alone", "nothing"]
Maximize = Literal["before-decay", "after-decay", "no-decay", "ignored"]
NoneGradient = Literal["skips", "zero"]
ZeroGradient = Literal["steps", "skips", "uncounted", "elements-skip"]
OptionsInForce = Literal["own", "constructor", "first", "frozen"]
Loading = Literal[
    "all",
    "no-sum",
    "no-counter",
    "no-state",
    "no-options",
    "first-options",
    "no-lr",
    "no-maximize",
]
ZeroingGradients = Literal["as-told", "to-zero", "to-none", "nothing"]

#: Ways of weight decay that leave the gradient as it is.
APART: tuple[Decay, ...] = ("decoupled", "unscaled", "undecayed")


# -- the columns of the table ----------------------------------------------------------


@dataclass(frozen=True)
class Departure:
    """A value other than the document's."""

    words: str  #: what a program with the value does
    fault_class: FaultClass  #: of a port that does so without declaring it
    measured: bool  #: array_exact.py computes the exact step of such a program
    keeps_laws: bool  #: relations between runs of such a program hold


@dataclass(frozen=True)
class Switch:
    """One place where programs differ: the line, and what each value means."""

    name: str
    line: str
    document: str  #: the document's own value
    others: Mapping[str, Departure]
    fault_class: FaultClass  #: of most of the values
    by_books: bool  #: has rules in the bookkeeping too, not in the formula alone

    def words(self, value: str) -> str:
        """What a program with a value does."""
        if value == self.document:
            return f"{self.name} is as in the document"
        return self.others[value].words

    def class_of(self, value: str) -> FaultClass:
        """The class of a fault that is a value where another one is declared."""
        return (
            self.others[value].fault_class if value in self.others else self.fault_class
        )


def _row(fault_class: FaultClass, measured: bool, keeps_laws: bool) -> Departure:
    return Departure("", fault_class, measured, keeps_laws)


def _switch(
    name: str,
    line: str,
    values: Any,
    common: Departure,
    by_books: bool = False,
    **others: str | Departure,
) -> Switch:
    """A switch; `others` are words of values, or departures unlike the `common` one."""
    rows = {
        value.replace("_", "-"): replace(common, words=row)
        if isinstance(row, str)
        else row
        for value, row in others.items()
    }
    document, *departures = get_args(values)
    if list(rows) != departures:
        raise TypeError(f"{name}: a row for {list(rows)}, a type of {departures}")
    return Switch(name, line, document, rows, common.fault_class, by_books)


_FORMULA = _row(FaultClass.FORMULA, measured=True, keeps_laws=True)
_UNMEASURED = replace(_FORMULA, measured=False)
_RATE = _row(FaultClass.RATE, measured=True, keeps_laws=True)
_NUMERICS = _row(FaultClass.NUMERICS, measured=True, keeps_laws=True)
_DECAY = _row(FaultClass.DECAY, measured=True, keeps_laws=True)
_BEGINS = _row(FaultClass.FORMULA, measured=True, keeps_laws=False)
_COUNTS = _row(FaultClass.RATE, measured=True, keeps_laws=False)
_GRADIENTS = _row(FaultClass.GRADIENTS, measured=True, keeps_laws=False)
_STATE = _row(FaultClass.STATE, measured=True, keeps_laws=False)


def _but(common: Departure, words: str, **changes: Any) -> Departure:
    return replace(common, words=words, **changes)


# -- the table -------------------------------------------------------------------------

#: In the order of the document's lines, then of its methods.
SWITCHES: Mapping[str, Switch] = {
    switch.name: switch
    for switch in (
        _switch(
            "initial",
            "ALG-2",
            Initial,
            _BEGINS,
            zero="S starts at 0, whatever initial_accumulator_value is",
            constructor=_but(
                _BEGINS,
                "S starts at the constructor's value in every group",
                fault_class=FaultClass.STATE,
            ),
            squared="S starts at the square of initial_accumulator_value",
            eps="S starts at eps",
        ),
        _switch(
            "counter",
            "ALG-3",
            Counter,
            _COUNTS,
            by_books=True,
            optimizer="t counts the optimizer's steps, not those of the param",
            calls=_but(
                _COUNTS,
                "t counts calls, also those in which the param has no gradient",
                fault_class=FaultClass.GRADIENTS,
            ),
            object="t counts this object's steps, whatever was loaded or written",
            secret="t is shown right, but lr decays by the steps of this object",
            stuck="t never advances",
        ),
        _switch(
            "rate",
            "ALG-4",
            Rate,
            _RATE,
            t="t is counted from 0: the first step decays lr already",
            constant="lr_decay is ignored",
            binary32=_but(
                _RATE,
                "the decayed learning rate is rounded to binary32",
                fault_class=FaultClass.NUMERICS,
            ),
            root="the learning rate decays with the root of 1 + (t-1) lr_decay",
        ),
        _switch(
            "scalars",
            "ALG-4",
            Scalars,
            _NUMERICS,
            binary32="lr_decay, weight_decay and eps are rounded to binary32",
        ),
        _switch(
            "decay",
            "ALG-5",
            Decay,
            _DECAY,
            ignored=_but(_DECAY, "weight_decay is ignored", measured=False),
            decoupled="weight decay is decoupled: clr * weight_decay * theta is "
            "taken from theta, and the gradient stays as it is",
            unscaled="weight decay is decoupled and without the learning rate",
            undecayed="weight decay is decoupled, by lr before it decays: "
            "lr * weight_decay * theta is taken from theta",
            sum_only="weight decay enters S and not the numerator",
            step_only="weight decay enters the numerator and not S",
            subtracted=_but(
                _DECAY,
                "weight decay is subtracted from the gradient",
                measured=False,
            ),
            doubled=_but(_DECAY, "weight decay is applied twice", measured=False),
        ),
        _switch(
            "zero_decay",
            "ALG-5",
            ZeroDecay,
            _DECAY,
            computed="weight decay may be computed where it is 0 too",
        ),
        _switch(
            "square",
            "ALG-6",
            Square,
            replace(_NUMERICS, keeps_laws=False),
            faithful="the square is that of a power function, less than one ulp off",
        ),
        _switch(
            "accumulator",
            "ALG-6",
            Accumulator,
            _UNMEASURED,
            replaced="S is the last square alone",
            late="the update divides by the root of S as it was before the step",
            gains_eps="eps is added to S at each step",
            rooted="sqrt(S) + eps is stored in the place of S",
            row_mean=_but(
                _UNMEASURED,
                "S grows by the mean of the squares of a row, which is all that "
                "belongs to one index of the first dimension",
                keeps_laws=False,  # elements of a row are not on their own
            ),
        ),
        _switch(
            "eps",
            "ALG-7",
            Eps,
            _FORMULA,
            inside="eps is inside the root: sqrt(S + eps)",
            squared="eps squared is inside the root: sqrt(S + eps^2)",
            none="there is no eps",
            replaced="eps = 0 is replaced by 1e-7",
            binary32=_but(
                _FORMULA,
                "eps is rounded to binary32",
                fault_class=FaultClass.NUMERICS,
            ),
        ),
        _switch(
            "guard",
            "ALG-7",
            Guard,
            _FORMULA,
            zero="where S is 0 the update is 0",
            nan="an element whose update is NaN is left as it is",
        ),
        _switch(
            "inverse",
            "ALG-7",
            Inverse,
            _NUMERICS,
            approximate="the inverse of the denominator is up to 2 ulp off",
        ),
        _switch(
            "update",
            "ALG-7",
            Update,
            replace(_UNMEASURED, keeps_laws=False),
            added="the update is added to theta",
            alone="the update overwrites theta",
            nothing="a step moves neither theta nor S",
        ),
        _switch(
            "maximize",
            "ALG-9",
            Maximize,
            _row(FaultClass.DECAY, measured=False, keeps_laws=False),
            after_decay="the gradient is negated after weight decay was added",
            no_decay="weight decay is left out where maximize is on",
            ignored="maximize is ignored",
        ),
        _switch(
            "none",
            "None and zero gradients",
            NoneGradient,
            _GRADIENTS,
            by_books=True,
            zero="a None gradient is treated as zero",
        ),
        _switch(
            "zero",
            "None and zero gradients",
            ZeroGradient,
            replace(_GRADIENTS, measured=False),
            by_books=True,
            skips="a gradient of zeros is treated as None",
            uncounted="a gradient of zeros steps, but t does not advance",
            elements_skip="elements with a zero gradient are skipped",
        ),
        _switch(
            "options",
            "groups",
            OptionsInForce,
            _STATE,
            by_books=True,
            constructor="every group uses the constructor's options",
            first="every group uses the first group's options",
            frozen="an option that is changed between steps has no effect",
        ),
        _switch(
            "load",
            "load_state_dict",
            Loading,
            _STATE,
            by_books=True,
            no_sum="S is not restored",
            no_counter="t is not restored",
            no_state="neither S nor t is restored",
            no_options="the options of the groups are not restored",
            first_options="every group gets the first group's loaded options",
            no_lr="the constructor's lr wins over the loaded one",
            no_maximize="maximize is not restored",
        ),
        _switch(
            "zero_grad",
            "zero_grad",
            ZeroingGradients,
            _GRADIENTS,
            by_books=True,
            to_zero="zero_grad gives zeros where it should give None",
            to_none="zero_grad gives None where it should give zeros",
            nothing="zero_grad does nothing",
        ),
    )
}
