"""The base class of adapters, and all else that an adapter is written with.

Rule 1.  An adapter only translates.  It never judges, retries, rounds or repairs.
Rule 2.  A port refuses an event by an exception of `Adapter.refusals`.  Any other
         exception is a crash.
Rule 3.  `read` shows copies, bit for bit, of what the port holds; None where the port
         holds nothing (no gradient, no state yet) or cannot show it.
Rule 4.  An adapter claims what its port can do, in the words of `CLAIMS`; nothing else
         is asked of the port.

claims.py, contract.py and the language of scenarios are re-exported here.
"""

from __future__ import annotations

import re
import traceback
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import assert_never

from adagrad_reference.options import OPTION_NAMES
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Layout,
    Load,
    New,
    OptionValues,
    Read,
    Save,
    SetOption,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)

from .claims import ALL_OPTIONS, CLAIMS, PLAIN_CLAIMS
from .contract import (
    Ask,
    ClosureAnswer,
    Malformed,
    NativeAnswer,
    Reading,
    Refused,
    Reply,
    StepTaken,
    Trace,
)

__all__ = [
    "ALL_OPTIONS",
    "CLAIMS",
    "PLAIN_CLAIMS",
    "Adapter",
    "Ask",
    "ClosureAnswer",
    "Gradient",
    "Group",
    "Layout",
    "Malformed",
    "NativeAnswer",
    "OptionValues",
    "Reading",
    "Refused",
    "Reply",
    "Sparse",
    "StepTaken",
    "Tensor",
    "Trace",
]


#: How Python says that it does not know a keyword.
_UNEXPECTED = re.compile(
    r"(?:(?P<callee>\w+)(?:\.__init__|\.__new__)?\(\) )?"
    r"got an unexpected keyword argument '(?P<word>\w+)'"
)


class Adapter(ABC):
    """One port.  `perform` dispatches an event to a method; subclasses translate.

    The behaviour that is demanded stands in `requirements/`.
    """

    name: str = "?"
    version: str = "?"
    language: str = "Python"
    claims: frozenset[str] = frozenset()
    #: The declared variant by which it is judged (`list dialects` shows them).
    dialect: str = "document"
    #: Options that are fixed in this port, and not claimed, with their values, by which
    #: scenarios are played; 0, or False, for an option that the port has not.
    constants: Mapping[str, float] = MappingProxyType({})
    #: Exceptions by which the port refuses (rule 2).
    refusals: tuple[type[Exception], ...] = (
        ValueError,
        TypeError,
        RuntimeError,
        KeyError,
        OverflowError,
        AssertionError,
    )

    def perform(
        self, event: Event, ask: Ask | None = None, payload: bytes | None = None
    ) -> Reply:
        """Play one event; raises `Refused` where the port refuses it."""
        try:
            return self._dispatch(event, ask, payload) or Reply()
        except (Refused, Malformed):
            raise
        except self.refusals as error:
            hint = self._unknown_option(event, error)
            raise Refused(hint or _said(error)) from error

    def _unknown_option(self, event: Event, error: Exception) -> str | None:
        """What to do where the port does not know an option by the adapter's word."""
        found = _UNEXPECTED.search(str(error))
        if not isinstance(event, New | AddGroup) or found is None:
            return None
        callee, word = found["callee"] or "the port", found["word"]
        names: Mapping[str, str] = getattr(self, "names", {})
        option = {own: name for name, own in names.items()}.get(word, word)
        if option not in OPTION_NAMES:
            return None
        claim = option.replace("_", "-")
        lacks = f", or do not claim '{claim}'" if claim in self.claims else ""
        return f"{callee} has no '{word}': map names={{'{option}': ...}}{lacks}"

    def _dispatch(
        self, event: Event, ask: Ask | None, payload: bytes | None
    ) -> Reply | None:
        match event:
            case New(name, groups, options):
                self.new(name, groups, options)
            case Step(name, gradients):
                if ask is not None:
                    return Reply(loss=self.step_with_closure(name, ask))
                for param, gradient in gradients.items():
                    self.set_gradient(param, gradient)
                return Reply(loss=self.step(name))
            case Steps(name, cycle, count):
                return Reply(trace=self.many_steps(name, cycle, count))
            case SetOption(name, group, option, value):
                self.set_option(name, group, option, value)
            case AddGroup(name, new_group):
                self.add_group(name, new_group)
            case ZeroGrad(name, set_to_none):
                self.zero_grad(name, set_to_none)
            case Save(name, key):
                return Reply(saved=self.save(name, key))
            case Load(name, key, via):
                self.load(name, key, via, payload)
            case SetState(name, param, state_sum, t):
                self.set_state(name, param, state_sum, t)
            case Read(name):
                self.read(name)
            case _:
                assert_never(event)
        return None

    # -- what every adapter has ---------------------------------------------------

    @abstractmethod
    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Forget everything, and hold these params without gradients."""

    @abstractmethod
    def new(
        self, optimizer: str, groups: tuple[Group, ...], options: OptionValues
    ) -> None:
        """Make an optimizer over params named in `groups`."""

    @abstractmethod
    def set_gradient(self, param: str, gradient: Gradient) -> None:
        """Give the param a gradient, or None."""

    @abstractmethod
    def step(self, optimizer: str) -> float | None:
        """Step once with the gradients that the params hold; returns the loss."""

    @abstractmethod
    def read(self, optimizer: str) -> dict[str, Reading]:
        """Show the optimizer's params by name, without changing anything."""

    # -- what is claimed or not -----------------------------------------------------

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """Step with a closure that calls `ask`; returns the loss."""
        raise NotImplementedError("closure")

    def many_steps(
        self, optimizer: str, cycle: Sequence[Mapping[str, Gradient]], count: int
    ) -> dict[str, Trace]:
        """Take `count` steps with the gradients of `cycle` in turn.

        Returns the trace of each param that the optimizer has.
        """
        shown: dict[str, list[Reading]] = defaultdict(list)
        for number in range(count):
            for param, gradient in cycle[number % len(cycle)].items():
                self.set_gradient(param, gradient)
            self.step(optimizer)
            for param, reading in self.read(optimizer).items():
                shown[param].append(reading)
        return {param: _trace(param, readings) for param, readings in shown.items()}

    def set_option(
        self, optimizer: str, group: int, option: str, value: float | bool
    ) -> None:
        """Change an option of a group."""
        raise NotImplementedError("set-option")

    def add_group(self, optimizer: str, group: Group) -> None:
        """Add a param group."""
        raise NotImplementedError("add-group")

    def zero_grad(self, optimizer: str, set_to_none: bool) -> None:
        """Set the gradients to zero, or to None."""
        raise NotImplementedError("zero-grad")

    def save(self, optimizer: str, name: str) -> bytes:
        """Keep the state dict as an object, a copy and bytes; returns the bytes."""
        raise NotImplementedError("save")

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """Load what `save` kept under a name, in the way `via`.

        `payload` are the bytes of a `save` in another process.
        """
        raise NotImplementedError("load")

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Write accumulator and step counter."""
        raise NotImplementedError("state-write")


def _trace(param: str, readings: Sequence[Reading]) -> Trace:
    """The readings after each step as one trace; raises `Malformed`."""
    sums = [reading.state_sum for reading in readings]
    counters = [reading.t for reading in readings]
    if any(total is None for total in sums):
        raise Malformed(f"{param} shows no accumulator in the midst of a run")
    stepped = [reading.master or reading.theta for reading in readings]
    return Trace(
        stepped[0].format,
        tuple(b for theta in stepped for b in theta.bits),
        tuple(b for total in sums if total for b in total.bits),
        tuple(t for t in counters if t is not None) if None not in counters else None,
    )


#: Packages whose lines are not a port's own.
_NOT_OWN = ("adagrad_conformance", "adagrad_reference", "torch", "numpy", "jax")


def _said(error: Exception) -> str:
    """An exception in words, with the last line of the port's own that it came from."""
    text = f"{type(error).__name__}: {error}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        parts = Path(frame.filename).parts
        if not any(name in parts for name in _NOT_OWN) and "<" not in frame.filename:
            return f"{text} ({parts[-1]}:{frame.lineno})"
    return text
