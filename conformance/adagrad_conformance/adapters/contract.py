"""What an adapter answers and raises: the data of the protocol beside the events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adagrad_reference.scenario import Gradient, OptionValues, Tensor

__all__ = [
    "Ask",
    "ClosureAnswer",
    "Malformed",
    "NativeAnswer",
    "Reading",
    "Refused",
    "Reply",
    "StepTaken",
    "Trace",
    "WrongMembers",
    "WrongWidth",
]


class Refused(Exception):
    """The port refuses an event; the message is the port's own."""


@dataclass(frozen=True)
class WrongMembers:
    """A read showed other params than the optimizer has, which are `expected`."""

    expected: tuple[str, ...]


@dataclass(frozen=True)
class WrongWidth:
    """The accumulator of `param` has a width that cannot be judged."""

    param: str


class Malformed(Exception):
    """An answer breaks the protocol: a wrong shape, format, count or sequence.

    `reason` is a key of `adagrad_conformance.execution.status.REASONS`; `detail` is
    what was wrong as data, where later stages use it.
    """

    def __init__(
        self,
        message: str = "",
        reason: str = "wrong-content",
        detail: WrongMembers | WrongWidth | None = None,
    ) -> None:
        super().__init__(message)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Reading:
    """One param under one optimizer, bit for bit as the port holds it.

    All tensors have the param's shape and format; beside a 16-bit param with a `master`
    copy, `master` and `state_sum` are binary32.  None stands for what the port does not
    hold, or cannot show.
    """

    theta: Tensor
    gradient: Gradient = None
    state_sum: Tensor | None = None  #: the accumulator S
    t: int | None = None  #: the step counter
    storage: tuple[int, ...] | None = None  #: encodings of the whole storage of theta
    master: Tensor | None = None  #: the master weights (claim `master-weights`)


@dataclass(frozen=True)
class ClosureAnswer:
    """What a closure does: it sets these gradients and returns this loss."""

    gradients: Mapping[str, Gradient]
    loss: float


#: What a closure calls, with all params as they are at that moment.
Ask = Callable[[Mapping[str, Tensor]], ClosureAnswer]


@dataclass(frozen=True)
class Trace:
    """One param after each of many steps.

    `theta` and `state_sum` are encodings, step after step, as many for each step as the
    param has; `t` has the counter after each step, or is None where the port has none.
    With master weights, theta is that of the master, in binary32.
    """

    format: str
    theta: tuple[int, ...]
    state_sum: tuple[int, ...]
    t: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Reply:
    """The answer to an event that was not refused."""

    loss: float | None = None  #: what `step` returned
    saved: bytes | None = None  #: the state dict as bytes, after `save`
    trace: Mapping[str, Trace] | None = None  #: by param, after many steps


@dataclass(frozen=True)
class StepTaken:
    """A step that a native check observed; it is judged as any other.

    `theta`, `state_sum`, `gradient` and `options` go into the step with number `t`,
    `new_theta` and `new_sum` come out of it.
    """

    theta: Tensor
    state_sum: Tensor
    gradient: Tensor
    t: int
    options: OptionValues
    new_theta: Tensor
    new_sum: Tensor


@dataclass(frozen=True)
class NativeAnswer:
    """The result of a native check: it passes unless it has a problem or is skipped.

    Both are one line each; `steps` are judged in addition.
    """

    problem: str | None = None
    skipped: str | None = None  #: why the check cannot be run on this machine
    steps: tuple[StepTaken, ...] = ()
