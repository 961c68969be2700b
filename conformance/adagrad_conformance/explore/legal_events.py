"""A scenario in the making, and the events that may come next in it.

Every drawn scenario is decided by MUST alone.  Where the document leaves a choice, no
event is drawn whose outcome depends on it:

- tau, the initial accumulator value, is the same in all groups of a scenario (a group
  with one of its own is a SHOULD);
- binary16 has no default eps, and eps = 0 meets no 0 / 0;
- a group added after a load names every option: its defaults are unspecified then (a
  MAY);
- a live state dict is loaded only into its own optimizer, and before that changes;
- a load that would give S another shape is not drawn (its refusal is a SHOULD);
- zero_grad(set_to_none=False) finds no gradient None, which may become zeros (a MAY);
- weight decay with a sparse gradient comes last: its refusal may leave changes behind;
- state that a port may create in the first step is not needed before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from adagrad_conformance.adapters.claims import with_implied
from adagrad_conformance.checks.scenarios.ordinary import Ordinary
from adagrad_conformance.checks.scenarios.random_scenarios import REQUIREMENT
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.effects import Effect
from adagrad_reference.events import changes_state
from adagrad_reference.flags import Flag
from adagrad_reference.options import Options
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Load,
    New,
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

__all__ = ["MAX_EVENTS", "Draft", "Kept"]

#: The most events of a drawn scenario.
MAX_EVENTS = 16


@dataclass
class Kept:
    """A saved state dict."""

    optimizer: str
    groups: tuple[tuple[str, ...], ...]
    stepped: bool  #: each of its params had taken a step
    live: bool = True  #: the optimizer has not changed since


class Draft:
    """A scenario in the making, and its books.

    `over` is whether no further event may follow.
    """

    def __init__(self, tensors: Mapping[str, Tensor], claims: frozenset[str]) -> None:
        self.claims = with_implied(claims)
        self.scenario = Scenario(
            f"explored/{'-'.join(dict.fromkeys(t.format for t in tensors.values()))}",
            (REQUIREMENT,),
            "MUST",
            tensors,
            (),
        )
        self.books = Bookkeeper(self.scenario)
        self.ordinary = Ordinary(tensors)
        self.tau: float | None = None  #: of all optimizers; None before the first
        self.kept: dict[str, Kept] = {}
        self.loaded: set[str] = set()  #: optimizers that have loaded a state
        self.moved: set[str] = set()  #: params that have taken a step
        self.is_moved = False  #: after a load in a new process
        self.over = False

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        """The params by name, with their initial values."""
        return self.scenario.tensors

    def add(self, event: Event) -> Effect:
        """Append an event; the scenario is of use only while `ordinary.holds` then."""
        effect = self.books.apply(event)
        flags = self.scenario.flags
        if effect.refusal and isinstance(event, Step):
            self.over, flags = True, (Flag.OUTCOME_ONLY,)
        self.scenario = replace(
            self.scenario, events=(*self.scenario.events, event), flags=flags
        )
        if not effect.refusal:
            self._keep(event)
            params = self.books.params(event.optimizer)
            self.ordinary.follow(event, effect, params)
            updates = (*effect.updates, *(u for run in effect.runs for u in run))
            self.moved |= {update.param for update in updates}
        return effect

    def _keep(self, event: Event) -> None:
        optimizer = event.optimizer
        match event:
            case New(options=options):
                tau = options.get("initial_accumulator_value", 0.0)
                self.tau = float(tau)
                self.loaded.discard(optimizer)
            case Save(name=name):
                groups = tuple(params for params, _ in self.books.groups(optimizer))
                self.kept[name] = Kept(optimizer, groups, self.all_stepped(optimizer))
            case Load(via="new-process"):
                self.kept, self.loaded, self.is_moved = {}, {optimizer}, True
            case Load():
                self.loaded.add(optimizer)
            case Step() | Steps() | SetOption() | AddGroup() | SetState():
                pass
            case Read() | ZeroGrad():
                pass
            case _:
                assert_never(event)
        if changes_state(event):
            for kept in self.kept.values():
                kept.live &= kept.optimizer != optimizer

    # -- what may come next ------------------------------------------------------------

    @property
    def optimizers(self) -> list[str]:
        """The optimizers made so far."""
        return list(self.books.optimizers)

    def all_stepped(self, optimizer: str) -> bool:
        """Whether each param of the optimizer has taken a step."""
        params = self.books.params(optimizer)
        return all(self.books.counter(optimizer, p) > 0 for p in params)

    def outside(self, optimizer: str) -> list[str]:
        """The params outside the optimizer."""
        inside = self.books.params(optimizer)
        return [name for name in self.tensors if name not in inside]

    def options(self, optimizer: str, param: str) -> Options:
        """The options in force for a param."""
        groups = self.books.groups(optimizer)
        return next(options for params, options in groups if param in params)

    def has_plain_rows(self, param: str) -> bool:
        """Whether the param is real, dense in memory, and has rows."""
        like = self.tensors[param]
        plain = not like.complex and like.layout is None
        return plain and bool(like.shape) and like.size > 0

    def takes_rows(self, optimizer: str, param: str) -> bool:
        """Whether a sparse gradient is legal for the param."""
        allowed = self.options(optimizer, param).weight_decay == 0
        return "sparse" in self.claims and self.has_plain_rows(param) and allowed

    def can_add_group(self, optimizer: str) -> bool:
        """Whether there is a param to add, with options that are specified."""
        sure = optimizer not in self.loaded or (
            "groups" in self.claims and self.tau == 0
        )
        return bool(self.outside(optimizer)) and sure

    def can_zero(self, optimizer: str) -> bool:
        """Whether every gradient is dense and not None."""
        gradients = [self.books.gradients[p] for p in self.books.params(optimizer)]
        return all(isinstance(gradient, Tensor) for gradient in gradients)

    def ways(self, optimizer: str, name: str) -> list[str]:
        """The ways of loading the save whose outcome MUST decides."""
        kept, claims = self.kept[name], self.claims
        mine = tuple(params for params, _ in self.books.groups(optimizer))
        fits = [len(group) for group in mine] == [len(group) for group in kept.groups]
        ways = ["deepcopy", "bytes"]
        if not fits:
            ways = ways if "refusals" in claims else []
        elif not self._alike(mine, kept.groups):
            return []
        elif kept.live and kept.optimizer == optimizer:
            ways.append("same-object")
        if fits and self._can_move(optimizer, kept):
            ways.append("new-process")
        return [way for way in ways if f"load-{way}" in claims]

    def _alike(
        self, mine: tuple[tuple[str, ...], ...], theirs: tuple[tuple[str, ...], ...]
    ) -> bool:
        """Whether S of each param has format and shape of its counterpart."""
        pairs = zip(
            [p for group in mine for p in group],
            [p for group in theirs for p in group],
            strict=True,
        )
        return all(self._kind(a) == self._kind(b) for a, b in pairs)

    def _kind(self, param: str) -> tuple[str, tuple[int, ...], bool]:
        tensor = self.tensors[param]
        return tensor.format, tensor.shape, tensor.complex

    def _can_move(self, optimizer: str, kept: Kept) -> bool:
        """Whether a load in a new process is decided by MUST.

        Only the params of one optimizer go there, and tau as an option of its groups.
        """
        whole = self.moved <= set(self.books.params(optimizer))
        sure = self.tau == 0 or kept.stepped
        return not self.is_moved and whole and sure

    def has_rows(self, optimizer: str) -> list[str]:
        """The params whose gradient is sparse now."""
        params = self.books.params(optimizer)
        return [p for p in params if isinstance(self.books.gradients[p], Sparse)]
