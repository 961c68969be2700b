"""What the suite asks of a port: the protocol between runner and adapter.

Rule 1.  An adapter only translates.  It never judges, retries, rounds or repairs.
Rule 2.  The port saying no is a refusal, an answer of its own: an exception of
         `Adapter.refusals`.  Any other exception is a crash.
Rule 3.  `read` shows copies, bit for bit, of what the port holds; None where the port
         holds nothing (no gradient, no state yet) or cannot show it.
Rule 4.  What a port cannot do it does not claim; the words are in `CLAIMS`.

Adapters find everything they need here, the words of the scenario language included.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from adagrad_reference.formats import FORMATS
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

#: Every claim a port can make, and what it means.
CLAIMS: Mapping[str, str] = {
    **{name: f"steps params in {name}" for name in FORMATS},
    "complex": "steps complex params",
    "sparse": "takes sparse gradients",
    "layout": "steps views into a larger storage, with any strides",
    "state": "shows the accumulator, and the step counter if it has one",
    "state-write": "lets accumulator and step counter be written",
    "many-steps": "takes many steps in one event and shows each",
    "gradients": "shows the gradients it holds",
    "none-gradient": "skips a param without a gradient",
    "zero-grad": "has zero_grad with set_to_none",
    "closure": "step takes a closure",
    "groups": "takes several param groups with options of their own",
    "add-group": "takes a further param group later",
    "mixed-formats": "takes params of different formats in one optimizer",
    "set-option": "options of a group can be changed between steps",
    "refusals": "refuses illegal options and groups with an error",
    "defaults": "has the document's defaults for options that are left out",
    "lr-decay": "has lr_decay",
    "weight-decay": "has weight_decay",
    "initial-accumulator-value": "has initial_accumulator_value",
    "eps": "eps can be chosen",
    "maximize": "has maximize",
    "zero-lr": "takes lr = 0",
    "zero-eps": "takes eps = 0",
    "zero-accumulator": "takes initial_accumulator_value = 0, where it is given",
    "save": "gives its state as an object, a copy and bytes",
    "load-same-object": "loads the saved object itself",
    "load-deepcopy": "loads a deep copy of the saved object",
    "load-bytes": "loads from bytes",
    "load-new-process": "loads from bytes in another process",
    "torch": "is a torch.optim.Optimizer, on which native checks can be run",
    "flush-to-zero": "takes subnormal numbers as zero, read or made",
    "master-weights": "steps 16-bit params by a binary32 copy, with S in binary32",
    "needs-a-gradient": "refuses a step in which no param has one, as it documents",
}

#: The claims of a port that can do everything and is peculiar in nothing.
PLAIN_CLAIMS = frozenset(CLAIMS) - {
    *("flush-to-zero", "master-weights", "needs-a-gradient")
}

#: The claims that name options.
ALL_OPTIONS = frozenset(
    ("lr-decay", "weight-decay", "initial-accumulator-value", "eps", "maximize")
)


class Refused(Exception):
    """The port says no; the message is the port's own."""


class Malformed(Exception):
    """An answer that is no answer: a wrong shape, dtype, count or sequence.

    `reason` is one of `adagrad_conformance.execution.status.REASONS`.
    """

    def __init__(self, message: str = "", reason: str = "wrong-content") -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Reading:
    """One param under one optimizer, as the port holds it.

    Beside a 16-bit param with a `master` copy, `state_sum` is binary32 too.
    """

    theta: Tensor
    gradient: Gradient = None
    state_sum: Tensor | None = None
    t: int | None = None
    storage: tuple[int, ...] | None = None  #: encodings of the whole storage
    master: Tensor | None = None  #: in binary32 (claim `master-weights`)


@dataclass(frozen=True)
class ClosureAnswer:
    """What a closure brings: gradients to set, and the loss to return."""

    gradients: Mapping[str, Gradient]
    loss: float


#: Called by the port's closure with the params as they are at that moment.
Ask = Callable[[Mapping[str, Tensor]], ClosureAnswer]


@dataclass(frozen=True)
class Trace:
    """One param over many steps; after each of them, one behind the other.

    `theta` and `state_sum` are encodings, as many a step as the param has; `t` is the
    counter after each step, or None where the port has none.  With master weights the
    trace of a 16-bit param is that of its master, in binary32.
    """

    format: str
    theta: tuple[int, ...]
    state_sum: tuple[int, ...]
    t: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Reply:
    """The answer to an event that was not refused."""

    loss: float | None = None  #: what step() returned
    saved: bytes | None = None  #: what `save` gave
    trace: Mapping[str, Trace] | None = None  #: by param, what many steps did


@dataclass(frozen=True)
class StepTaken:
    """A step that a native check saw, handed over to be judged as any other."""

    theta: Tensor
    state_sum: Tensor
    gradient: Tensor
    t: int
    options: OptionValues
    new_theta: Tensor
    new_sum: Tensor


@dataclass(frozen=True)
class NativeAnswer:
    """What a native check found: a problem in one line, or why it cannot be run here.

    `steps` are to be judged beside it.
    """

    problem: str | None = None
    skipped: str | None = None
    steps: tuple[StepTaken, ...] = ()


class Adapter(ABC):
    """One port.  Subclasses translate; `perform` dispatches an event to a method.

    Source of the behaviour asked for: the requirements in `requirements/`.
    """

    name: str = "?"
    version: str = "?"
    language: str = "Python"
    claims: frozenset[str] = frozenset()
    #: The declared variant by which it is judged (`list dialects` shows them).
    dialect: str = "document"
    #: Options that nobody can choose in this port, and the value each has (they are not
    #: claimed); scenarios are played with these values.
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
            raise Refused(f"{type(error).__name__}: {error}") from error

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
        return None

    # -- what every adapter has ---------------------------------------------------

    @abstractmethod
    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Forget everything; hold these params, without gradients."""

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
        """Step once with the gradients that the params have; what that returned."""

    @abstractmethod
    def read(self, optimizer: str) -> dict[str, Reading]:
        """Show the optimizer's params; this must change nothing."""

    # -- what is claimed or not -----------------------------------------------------

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """Step with a closure that calls `ask`; what the step returned."""
        raise NotImplementedError("closure")

    def many_steps(
        self, optimizer: str, cycle: Sequence[Mapping[str, Gradient]], count: int
    ) -> dict[str, Trace]:
        """Take `count` steps with the gradients of `cycle` in turn; show each."""
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
        """Zero the gradients or set them to None."""
        raise NotImplementedError("zero-grad")

    def save(self, optimizer: str, name: str) -> bytes:
        """Keep the state dict as object, copy and bytes; give the bytes."""
        raise NotImplementedError("save")

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """Load what `save` kept, or `payload` where it comes from another process."""
        raise NotImplementedError("load")

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Write accumulator and step counter."""
        raise NotImplementedError("state-write")


def _trace(param: str, readings: Sequence[Reading]) -> Trace:
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
