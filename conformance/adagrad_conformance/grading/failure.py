"""A failure: one departure, typed; its words are made here and nowhere read back.

A `Failure` says what kind of departure was seen, where, what was observed there and
what is due.  `message`, `observed_text` and `due_text` put it into words for reports;
no program reads these words again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from adagrad_reference.boxes import Box, encoded
from adagrad_reference.formats import Format

__all__ = ["Failure", "FailureKind", "Number", "Quantity", "Span", "Value"]


class Quantity(StrEnum):
    """The array that a failure is seen in."""

    THETA = "theta"
    SUM = "S"
    MASTER = "the master"
    GRADIENT = "the gradient"


class FailureKind(StrEnum):
    """The kinds of departure; the values are lasting names."""

    # outcomes
    ACCEPTED = "accepted-though-illegal"
    REFUSED = "refused-though-legal"
    # closures
    CALLS = "closure-calls"
    CLOSURE_PARAM = "param-at-closure-call"
    LOSS = "loss"
    # the accumulator and the step counter
    STATE_MISSING = "state-missing"
    COUNTER = "counter"
    INITIAL_SUM = "initial-accumulator"
    # a step
    THETA = "theta"
    SUM = "accumulator"
    NOT_FINITE = "not-finite"
    STILL = "theta-still"
    THETA_SIGN = "theta-zero-sign"
    SUM_SIGN = "accumulator-zero-sign"
    # what an event must leave bit for bit
    THETA_CHANGED = "theta-changed"
    SUM_CHANGED = "accumulator-changed"
    MASTER_CHANGED = "master-changed"
    GRADIENT_CHANGED = "gradient-changed"
    ROWS_CHANGED = "sparse-gradient-changed"
    GRADIENT_MISSING = "gradient-missing"
    GRADIENT_APPEARED = "gradient-appeared"
    STORAGE = "storage-written"
    # master weights
    MASTER_MISSING = "master-missing"
    MASTER_ROUNDING = "param-not-master-rounded"
    # two runs of a relation
    OTHER_THETA = "theta-of-two-runs"
    OTHER_SUM = "accumulator-of-two-runs"
    OTHER_COUNTER = "counter-of-two-runs"
    # what a check finds by itself
    NATIVE = "native"
    LAW = "law"


@dataclass(frozen=True)
class Number:
    """A number of a format, by its encoding."""

    fmt: Format
    bits: int

    @classmethod
    def of(cls, fmt: Format, value: float) -> Number:
        """The number of a format that has this value."""
        return cls(fmt, fmt.encode(value))

    @property
    def value(self) -> float:
        """As binary64."""
        return self.fmt.decode(self.bits)

    @property
    def hex(self) -> str:
        """The encoding in hexadecimal digits, most significant first."""
        return f"{self.bits:0{self.fmt.hex_digits}x}"

    def __str__(self) -> str:
        return encoded(self.fmt)(self.value)


@dataclass(frozen=True)
class Span:
    """The numbers of a format that are lawful: those of a box."""

    fmt: Format
    box: Box

    def __str__(self) -> str:
        return self.box.words(encoded(self.fmt))


#: What is observed or due: a number, lawful numbers, a count, a loss, a text.
Value = Number | Span | int | float | str | None


@dataclass(frozen=True)
class Failure:
    """A departure at one event, and at one place where it has one.

    `element` counts in row-major order of the param (of its storage for `STORAGE`);
    `step` is the number of the step, from 0, in an event of many steps.  `count` of
    `among` elements depart in the same way.
    """

    kind: FailureKind
    event: int
    optimizer: str = ""
    param: str | None = None
    element: int | None = None
    step: int | None = None
    observed: Value = None
    due: Value = None
    count: int = 1
    among: int = 0

    @cached_property
    def message(self) -> str:
        """The departure in words."""
        words = _WORDS[self.kind]
        if self.step is not None:
            words = _STEP_WORDS.get(self.kind, words)
        step = "" if self.step is None else str(self.step + 1)
        return words.format(
            quantity=self.quantity,
            observed=self.observed,
            due=self.due,
            step=step,
            in_step=f" in step {step}" if step else "",
            elements=f" ({self.count} elements)" if self.count > 1 else "",
            share=f"{self.count} of {self.among} elements",
        )

    @property
    def quantity(self) -> Quantity | None:
        """The array that it is seen in; None where it is in none."""
        return _QUANTITIES.get(self.kind)

    @property
    def observed_text(self) -> str | None:
        """What was observed, where the message does not say it."""
        return _texts(self)[0]

    @property
    def due_text(self) -> str | None:
        """What is due, where the message does not say it."""
        return _texts(self)[1]


_QUANTITIES: Mapping[FailureKind, Quantity] = {
    FailureKind.THETA: Quantity.THETA,
    FailureKind.NOT_FINITE: Quantity.THETA,
    FailureKind.STILL: Quantity.THETA,
    FailureKind.THETA_SIGN: Quantity.THETA,
    FailureKind.THETA_CHANGED: Quantity.THETA,
    FailureKind.MASTER_ROUNDING: Quantity.THETA,
    FailureKind.OTHER_THETA: Quantity.THETA,
    FailureKind.SUM: Quantity.SUM,
    FailureKind.INITIAL_SUM: Quantity.SUM,
    FailureKind.SUM_SIGN: Quantity.SUM,
    FailureKind.SUM_CHANGED: Quantity.SUM,
    FailureKind.OTHER_SUM: Quantity.SUM,
    FailureKind.MASTER_CHANGED: Quantity.MASTER,
    FailureKind.GRADIENT_CHANGED: Quantity.GRADIENT,
}

_OUTSIDE = "{quantity} is a value that no legal evaluation gives{in_step}{elements}"
_CHANGED = "{quantity} changed though it must keep every bit"
_SIGN = "{quantity} is a zero of the wrong sign in {share}"
_GRADIENT = "the gradient is not what it must be"
_OTHER_RUN = "{quantity} is not what the other run makes it"

_WORDS: Mapping[FailureKind, str] = {
    FailureKind.ACCEPTED: "accepted, though {due}",
    FailureKind.REFUSED: "refused what is legal: {observed}",
    FailureKind.CALLS: "the closure was called {observed} times",
    FailureKind.CLOSURE_PARAM: "at the closure's call the param was not as before",
    FailureKind.LOSS: "step did not return the closure's loss, or None without one",
    FailureKind.STATE_MISSING: "claims 'state' but shows none",
    FailureKind.COUNTER: "the step counter is wrong",
    FailureKind.INITIAL_SUM: "S does not start at initial_accumulator_value",
    FailureKind.THETA: _OUTSIDE,
    FailureKind.SUM: _OUTSIDE,
    FailureKind.NOT_FINITE: "not finite in {share}",
    FailureKind.STILL: "theta stands still where g * g overflows in {share}",
    FailureKind.THETA_SIGN: _SIGN,
    FailureKind.SUM_SIGN: _SIGN,
    FailureKind.THETA_CHANGED: _CHANGED,
    FailureKind.SUM_CHANGED: _CHANGED,
    FailureKind.MASTER_CHANGED: _CHANGED,
    FailureKind.GRADIENT_CHANGED: _CHANGED,
    FailureKind.ROWS_CHANGED: "a sparse gradient changed",
    FailureKind.GRADIENT_MISSING: _GRADIENT,
    FailureKind.GRADIENT_APPEARED: _GRADIENT,
    FailureKind.STORAGE: "memory outside the param was written",
    FailureKind.MASTER_MISSING: "claims 'master-weights' but shows no master",
    FailureKind.MASTER_ROUNDING: "the param is not its master rounded",
    FailureKind.OTHER_THETA: _OTHER_RUN,
    FailureKind.OTHER_SUM: _OTHER_RUN,
    FailureKind.OTHER_COUNTER: "the counters differ",
    FailureKind.NATIVE: "{observed}",
    FailureKind.LAW: "{observed}",
}

#: Words for a departure in an event of many steps, where they are others.
_IN_STEP = "{quantity} changed in step {step}, without a gradient"
_STEP_WORDS: Mapping[FailureKind, str] = {
    FailureKind.COUNTER: "the step counter is wrong after step {step}",
    FailureKind.THETA_CHANGED: _IN_STEP,
    FailureKind.SUM_CHANGED: _IN_STEP,
    FailureKind.MASTER_CHANGED: _IN_STEP,
}

#: What is due, in words, where it is no single value.
_DUE_WORDS: Mapping[FailureKind, str] = {
    FailureKind.NOT_FINITE: "a finite number",
    FailureKind.STILL: "another number",
    FailureKind.THETA_SIGN: "the other zero",
    FailureKind.SUM_SIGN: "the other zero",
}
#: Kinds whose numbers are shown by their bits alone: any other bits are wrong.
_BY_BITS = frozenset(
    {
        FailureKind.THETA_CHANGED,
        FailureKind.SUM_CHANGED,
        FailureKind.MASTER_CHANGED,
        FailureKind.GRADIENT_CHANGED,
        FailureKind.STORAGE,
        FailureKind.OTHER_THETA,
        FailureKind.OTHER_SUM,
    }
)
_BY_BOX = frozenset({FailureKind.THETA, FailureKind.SUM})
_BY_TEXT = frozenset({FailureKind.LOSS, FailureKind.COUNTER, FailureKind.OTHER_COUNTER})


def _texts(failure: Failure) -> tuple[str | None, str | None]:
    """What was observed and what is due, as reports show them."""
    kind, observed, due = failure.kind, failure.observed, failure.due
    if kind is FailureKind.GRADIENT_MISSING:
        return "None", "a tensor"
    if kind is FailureKind.GRADIENT_APPEARED:
        return "a tensor", "None"
    if kind in _BY_TEXT or kind in _BY_BOX:
        return str(observed), str(due)
    if not isinstance(observed, Number):
        return None, None
    if kind in _BY_BITS and isinstance(due, Number):
        return observed.hex, due.hex
    value = repr(due.value) if isinstance(due, Number) else None
    return repr(observed.value), _DUE_WORDS.get(kind, value)


assert set(_WORDS) == set(FailureKind), "a kind of failure without words"
