"""The effect of each event of a scenario, without any arithmetic.

The bookkeeper keeps groups, options, step counters and gradients.  The player adds
exact numbers to them, and the grader the numbers that a port shows; both start from the
same effects.

Rule 1.  A refused event changes nothing, except that gradients given with it stay.
Rule 2.  A param without a gradient is skipped: no step, and its counter stays.
Rule 3.  Loading replaces counters and all group options; params correspond by their
         order, as the indices of a state dict do.
Rule 4.  After a load in a new process only that optimizer exists, without gradients.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import assert_never

from .dialects import DOCUMENT, Dialect
from .effects import Effect, Move, Restored, Run, Update
from .flags import Flag
from .options import Options, illegal_option
from .scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    New,
    OptionValues,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)
from .sparse import InexactSum, touched

__all__ = [
    "Bookkeeper",
    "ScenarioError",
]


_REFUSED = "weight_decay with a sparse gradient"


class ScenarioError(ValueError):
    """The scenario itself is impossible (an unknown name, a wrong shape)."""


@dataclass
class _Group:
    params: tuple[str, ...]
    options: Options


@dataclass
class _Optimizer:
    defaults: Options
    groups: list[_Group]
    counters: dict[str, int]

    @property
    def params(self) -> list[str]:
        return [param for group in self.groups for param in group.params]

    def copy(self) -> _Optimizer:
        groups = [_Group(group.params, group.options) for group in self.groups]
        return _Optimizer(self.defaults, groups, dict(self.counters))


@dataclass
class Bookkeeper:
    """Plays the events of one scenario in order."""

    scenario: Scenario
    dialect: Dialect = DOCUMENT
    optimizers: dict[str, _Optimizer] = field(default_factory=dict)
    gradients: dict[str, Gradient] = field(default_factory=dict)
    saves: dict[str, _Optimizer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if unknown := set(self.scenario.flags) - set(Flag):
            raise ScenarioError(f"{self.scenario.id}: unknown flags {sorted(unknown)}")
        for name, tensor in self.scenario.tensors.items():
            if problem := tensor.problem:
                raise ScenarioError(f"{self.scenario.id}: tensor {name}: {problem}")
        self.gradients = dict.fromkeys(self.scenario.tensors)

    def counter(self, optimizer: str, param: str) -> int:
        """The number of steps that the optimizer has taken with the param."""
        return self.optimizers[optimizer].counters[param]

    def params(self, optimizer: str) -> list[str]:
        """The optimizer's params in order; [] where it does not exist."""
        known = self.optimizers.get(optimizer)
        return known.params if known else []

    def groups(self, optimizer: str) -> list[tuple[tuple[str, ...], Options]]:
        """The params and the options of each group."""
        return [(g.params, g.options) for g in self._optimizer(optimizer).groups]

    def apply(self, event: Event) -> Effect:
        """Play one event."""
        match event:
            case New():
                return self._new(event)
            case Step():
                return self._step(event.optimizer, event.gradients)
            case Steps():
                return self._steps(event)
            case SetOption():
                return self._set_option(event)
            case AddGroup():
                return self._add_group(event)
            case ZeroGrad():
                return self._zero_grad(event)
            case Save():
                self.saves[event.name] = self._optimizer(event.optimizer).copy()
                return Effect()
            case Load():
                return self._load(event)
            case SetState():
                return self._set_state(event)
            case Read():
                self._optimizer(event.optimizer)
                return Effect()
            case _:
                assert_never(event)

    # -- one method per event ----------------------------------------------------

    def _new(self, event: New) -> Effect:
        if not any(group.params for group in event.groups):
            raise ScenarioError(f"{self.scenario.id}: an optimizer needs params")
        if reason := self._illegal(event.options):
            return Effect(refusal=reason)
        defaults = self.dialect.defaults.override(event.options)
        optimizer = _Optimizer(defaults, [], {})
        fresh: list[tuple[str, float]] = []
        for group in event.groups:
            reason, added = self._join(optimizer, group)
            if reason:
                return Effect(refusal=reason)
            fresh += added
        self.optimizers[event.optimizer] = optimizer
        return Effect(fresh=tuple(fresh))

    def _add_group(self, event: AddGroup) -> Effect:
        reason, fresh = self._join(self._optimizer(event.optimizer), event.group)
        return Effect(refusal=reason) if reason else Effect(fresh=tuple(fresh))

    def _join(
        self, optimizer: _Optimizer, group: Group
    ) -> tuple[str | None, list[tuple[str, float]]]:
        for param in group.params:
            self._known(param)
        if reason := self._illegal(group.options):
            return reason, []
        twice = len(set(group.params)) < len(group.params)
        if twice or set(group.params) & set(optimizer.params):
            return "a param is already in a group", []
        options = optimizer.defaults.override(group.options)
        optimizer.groups.append(_Group(group.params, options))
        begun = self._first_count(optimizer)
        optimizer.counters.update(dict.fromkeys(group.params, begun))
        tau = self.dialect.initial_sum(options, optimizer.defaults)
        return None, [(p, tau) for p in group.params]

    def _first_count(self, optimizer: _Optimizer) -> int:
        """The counter of a param that joins."""
        del optimizer  # another dialect counts the optimizer's steps
        return 0

    def _illegal(self, options: OptionValues) -> str | None:
        """The reason to refuse options; infinite ones only where a flag wants it."""
        infinite = Flag.INFINITE_REFUSED in self.scenario.flags
        return illegal_option(options, infinite=infinite)

    def _step(self, name: str, gradients: Mapping[str, Gradient]) -> Effect:
        optimizer = self._optimizer(name)
        moves = self._moves(optimizer, gradients)
        if moves is None:
            return Effect(refusal=_REFUSED)
        counting = self._counting(optimizer, moves)
        return Effect(updates=self._taken(optimizer.counters, moves, counting))

    def _moves(
        self, optimizer: _Optimizer, gradients: Mapping[str, Gradient]
    ) -> list[Move] | None:
        """The moves of a step that gives these gradients; None for a refusal."""
        for param, gradient in gradients.items():
            self._check_gradient(param, gradient)
        self.gradients.update(gradients)
        moves = []
        for number, group in enumerate(optimizer.groups):
            options = self._in_force(optimizer, number)
            for param in group.params:
                gradient, elements = self._meant(param), None
                if gradient is None:
                    continue
                if isinstance(gradient, Sparse):
                    if group.options.weight_decay != 0:
                        return None
                    elements, gradient = self._touched(param, gradient)
                moves.append(Move(param, options, gradient, elements))
        return moves

    def _meant(self, param: str) -> Gradient:
        """The gradient by which a step moves a param; None skips the param."""
        return self.gradients[param]

    def _in_force(self, optimizer: _Optimizer, group: int) -> Options:
        """The options by which a group's params step."""
        return optimizer.groups[group].options

    def _counting(
        self, optimizer: _Optimizer, moves: Sequence[Move]
    ) -> tuple[str, ...]:
        """The params whose counter a step advances."""
        del optimizer  # another dialect counts those too that do not move
        return tuple(move.param for move in moves)

    def _taken(
        self,
        counters: dict[str, int],
        moves: Iterable[Move],
        counting: Iterable[str],
    ) -> tuple[Update, ...]:
        """The updates of one step, which advances the counters of `counting`."""
        for param in counting:
            counters[param] += 1
        return tuple(
            Update(move.param, counters[move.param], *move[1:]) for move in moves
        )

    def _touched(self, param: str, gradient: Sparse) -> tuple[tuple[int, ...], Tensor]:
        try:
            return touched(gradient)
        except InexactSum as error:
            raise ScenarioError(f"{self.scenario.id}: for {param}: {error}") from None

    def _steps(self, event: Steps) -> Effect:
        if event.count < 1 or not event.cycle:
            raise ScenarioError(f"{self.scenario.id}: a run of no steps")
        if any(isinstance(g, Sparse) for given in event.cycle for g in given.values()):
            raise ScenarioError(f"{self.scenario.id}: sparse gradients in a run")
        optimizer = self._optimizer(event.optimizer)
        rounds: list[list[Move]] = []
        for gradients in (event.cycle * 2)[: event.count]:
            moves = self._moves(optimizer, gradients)
            if moves is None:
                raise ScenarioError(f"{self.scenario.id}: {_REFUSED}, in a run")
            rounds.append(moves)
        for number in range(max(0, event.count - len(event.cycle)), event.count):
            self.gradients.update(event.cycle[number % len(event.cycle)])
        counting = [self._counting(optimizer, moves) for moves in rounds]
        before, length = dict(optimizer.counters), len(event.cycle)
        run = Run(before, rounds, counting, length, event.count, self._taken)
        for number in run.numbers():
            self._taken(optimizer.counters, (), counting[number])
        return Effect(run=run)

    def _set_option(self, event: SetOption) -> Effect:
        groups = self._optimizer(event.optimizer).groups
        if not 0 <= event.group < len(groups):
            raise ScenarioError(f"{self.scenario.id}: no group {event.group}")
        values: OptionValues = {event.option: event.value}
        if reason := illegal_option(values):
            raise ScenarioError(f"{self.scenario.id}: {reason}")
        groups[event.group].options = groups[event.group].options.override(values)
        return Effect()

    def _zero_grad(self, event: ZeroGrad) -> Effect:
        for param in self._optimizer(event.optimizer).params:
            gradient = self.gradients[param]
            if event.set_to_none or gradient is None:
                self.gradients[param] = None
            else:
                like = self._known(param)
                zeros = (0,) * len(like.bits)
                self.gradients[param] = Tensor(
                    like.format, like.shape, zeros, like.complex
                )
        return Effect()

    def _load(self, event: Load) -> Effect:
        saved, target = self.saves.get(event.name), self._optimizer(event.optimizer)
        if saved is None:
            raise ScenarioError(f"{self.scenario.id}: nothing saved as {event.name!r}")
        if _sizes(saved) != _sizes(target):
            return Effect(refusal="another number of groups or params")
        sources = dict(zip(target.params, saved.params, strict=True))
        for param, source in sources.items():
            mine, theirs = self._known(param), self._known(source)
            if mine.format != theirs.format:
                raise ScenarioError(
                    f"{self.scenario.id}: {param} would load S in another format"
                )
            if mine.shape != theirs.shape:
                return Effect(refusal="an accumulator of another shape")
        if event.via == "new-process":
            self.optimizers = {event.optimizer: target}
            self.gradients = dict.fromkeys(self.gradients)
        target.counters = {p: saved.counters[source] for p, source in sources.items()}
        self._load_options(target, saved)
        return Effect(
            restored=tuple(Restored(p, event.name, s) for p, s in sources.items())
        )

    def _load_options(self, target: _Optimizer, saved: _Optimizer) -> None:
        for group, other in zip(target.groups, saved.groups, strict=True):
            group.options = other.options

    def _set_state(self, event: SetState) -> Effect:
        optimizer = self._optimizer(event.optimizer)
        if event.param not in optimizer.counters:
            raise ScenarioError(f"{self.scenario.id}: {event.param} is in no group")
        self._check_gradient(event.param, event.state_sum)
        if event.t < 0 or any(value < 0 for value in event.state_sum.values()):
            raise ScenarioError(f"{self.scenario.id}: a state must not be negative")
        optimizer.counters[event.param] = event.t
        return Effect(written=event)

    # -- checks ------------------------------------------------------------------

    def _optimizer(self, name: str) -> _Optimizer:
        if name not in self.optimizers:
            raise ScenarioError(f"{self.scenario.id}: no optimizer {name!r} here")
        return self.optimizers[name]

    def _known(self, param: str) -> Tensor:
        if param not in self.scenario.tensors:
            raise ScenarioError(f"{self.scenario.id}: no tensor {param!r}")
        return self.scenario.tensors[param]

    def _check_gradient(self, param: str, gradient: Gradient) -> None:
        tensor = self._known(param)
        if gradient is None:
            return
        values = gradient.values if isinstance(gradient, Sparse) else gradient
        if values.complex != tensor.complex:
            raise ScenarioError(f"{self.scenario.id}: {param} mixes real and complex")
        if problem := gradient.problem:
            raise ScenarioError(f"{self.scenario.id}: for {param}: {problem}")
        if (values.format, gradient.shape) != (tensor.format, tensor.shape):
            raise ScenarioError(f"{self.scenario.id}: {param} has another shape")


def _sizes(optimizer: _Optimizer) -> Sequence[int]:
    return [len(group.params) for group in optimizer.groups]
