"""The bookkeeping of dialects: counters, options in force, and what a load restores.

Each method overrides one rule of `Bookkeeper` where the dialect has another value of
the rule's switch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, assert_never

from .bookkeeping import Bookkeeper
from .dialects import Dialect
from .effects import Effect, Update
from .options import Options
from .scenario import Gradient, Load, Scenario, SetState, Tensor, ZeroGrad

__all__ = ["bookkeeper"]


def bookkeeper(scenario: Scenario, dialect: Dialect) -> Bookkeeper:
    """The books of a scenario by a dialect."""
    books = Bookkeeper if dialect.keeps_books else _VariantBooks
    return books(scenario, dialect)


#: The key in an optimizer's counters for the number of its own steps.
_CALLS = ""


@dataclass
class _VariantBooks(Bookkeeper):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.frozen: dict[tuple[int, int], Options] = {}  #: first options of a group

    # -- counters ----------------------------------------------------------------

    def _first_count(self, optimizer: Any) -> int:
        if self.dialect.counter == "optimizer":
            return max(optimizer.counters.values(), default=0)
        return super()._first_count(optimizer)

    def _set_state(self, event: SetState) -> Effect:
        effect, target = super()._set_state(event), self._optimizer(event.optimizer)
        if self.dialect.counter == "optimizer":
            target.counters = dict.fromkeys(target.counters, event.t)
        return effect

    def _counting(self, optimizer: Any, moves: Sequence[Any]) -> tuple[str, ...]:
        match self.dialect.counter:
            case "stuck":
                return ()
            case "optimizer" | "calls":
                return tuple(optimizer.params)
            case "object" | "secret":
                optimizer.counters.setdefault(_CALLS, 0)
                return (*super()._counting(optimizer, moves), _CALLS)
            case "param":
                pass
            case _:
                assert_never(self.dialect.counter)
        if self.dialect.zero == "uncounted":
            moves = [move for move in moves if not _is_zero(move.gradient)]
        return super()._counting(optimizer, moves)

    def _taken(
        self, counters: dict[str, int], moves: Iterable[Any], counting: Iterable[str]
    ) -> tuple[Update, ...]:
        counting = tuple(counting)
        updates = super()._taken(counters, moves, counting)
        match self.dialect.counter:
            case "object":
                counters.update((p, counters[_CALLS]) for p in counting)
                updates = tuple(replace(u, t=counters[_CALLS]) for u in updates)
            case "secret":
                last = counters.get(_CALLS, 0)
                updates = tuple(replace(u, t=max(u.t, last)) for u in updates)
            case "param" | "optimizer" | "calls" | "stuck":
                pass
            case _:
                assert_never(self.dialect.counter)
        if self.dialect.zero == "uncounted":
            updates = tuple(
                u if u.param in counting else replace(u, t=u.t + 1) for u in updates
            )
        return updates

    # -- gradients ---------------------------------------------------------------

    def _meant(self, param: str) -> Gradient:
        gradient = super()._meant(param)
        if gradient is None and self.dialect.none == "zero":
            return _zeros(self.scenario.tensors[param])
        if self.dialect.zero == "skips" and _is_zero(gradient):
            return None
        return gradient

    def _zero_grad(self, event: ZeroGrad) -> Effect:
        match self.dialect.zero_grad:
            case "nothing":
                return Effect()
            case "to-zero":
                event = replace(event, set_to_none=False)
            case "to-none":
                event = replace(event, set_to_none=True)
            case "as-told":
                pass
            case _:
                assert_never(self.dialect.zero_grad)
        return super()._zero_grad(event)

    # -- options -----------------------------------------------------------------

    def _in_force(self, optimizer: Any, group: int) -> Options:
        own: Options = optimizer.groups[group].options
        match self.dialect.options:
            case "constructor":
                whole: Options = optimizer.defaults
                return whole
            case "first":
                first: Options = optimizer.groups[0].options
                return first
            case "frozen":
                return self.frozen.setdefault((id(optimizer), group), own)
            case "own":
                return own
            case _:
                assert_never(self.dialect.options)

    # -- loading -----------------------------------------------------------------

    def _load(self, event: Load) -> Effect:
        target, lost = self._optimizer(event.optimizer), self.dialect.load
        anew, kept = event.via == "new-process", dict(target.counters)
        taus = {
            param: self.dialect.initial_sum(group.options, target.defaults)
            for group in target.groups
            for param in group.params
        }
        effect = super()._load(event)
        if effect.refusal:
            return effect
        if anew:
            target.defaults = self.dialect.defaults
        elif _CALLS in kept:
            target.counters[_CALLS] = kept[_CALLS]
        if lost in ("no-counter", "no-state"):
            target.counters = dict.fromkeys(kept, 0)
        if lost in ("no-sum", "no-state"):
            return Effect(fresh=tuple(taus.items())) if anew else Effect()
        return effect

    def _load_options(self, target: Any, saved: Any) -> None:
        kept = [group.options for group in target.groups]
        super()._load_options(target, saved)
        for number, group in enumerate(target.groups):
            own, loaded = kept[number], group.options
            match self.dialect.load:
                case "no-options":
                    group.options = own
                case "first-options":
                    group.options = saved.groups[0].options
                case "no-lr":
                    group.options = replace(loaded, lr=own.lr)
                case "no-maximize":
                    group.options = replace(loaded, maximize=own.maximize)
                case "all" | "no-sum" | "no-counter" | "no-state":
                    pass
                case _:
                    assert_never(self.dialect.load)


def _is_zero(gradient: Gradient) -> bool:
    return isinstance(gradient, Tensor) and not any(gradient.values())


def _zeros(like: Tensor) -> Tensor:
    return Tensor(like.format, like.shape, (0,) * len(like.bits), like.complex)
