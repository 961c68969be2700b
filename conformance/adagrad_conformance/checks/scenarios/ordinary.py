"""Whether a scenario stays among ordinary numbers, so that every step of it is MUST.

Every step is taken in binary64, and each intermediate of five orders of the update
is looked at: none may come near the ends of the format.  A sum that may cancel keeps a
wide distance, since a port's own theta differs from this one by some roundings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from adagrad_reference.bookkeeping import Bookkeeper, Effect, Update
from adagrad_reference.formats import BINARY16, Format
from adagrad_reference.scenario import Event, Save, Scenario, Tensor

__all__ = ["Ordinary", "is_ordinary"]

Place = tuple[str, str]
_NEAR, _FAR = 2.0, 64.0
_LEAST_EPS, _LAST_STEP = 1e-3, 2048  #: what MUST demands of binary16


def is_ordinary(scenario: Scenario) -> bool:
    """Whether every step of a scenario stays among ordinary numbers."""
    books, numbers = Bookkeeper(scenario), Ordinary(scenario.tensors)
    for event in scenario.events:
        numbers.follow(event, books.apply(event), books.params(event.optimizer))
    return numbers.holds


class Ordinary:
    """Theta and S of a scenario in the making, in binary64.

    `holds` turns False, and stays so, once a number is not ordinary.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors
        self.holds = True
        self._theta = {name: t.values() for name, t in tensors.items()}
        self._sums: dict[Place, list[float]] = {}
        self._saved: dict[Place, list[float]] = {}

    def follow(self, event: Event, effect: Effect, params: Sequence[str]) -> None:
        """Do what an event did; `params` are those of its optimizer."""
        who = event.optimizer
        if isinstance(event, Save):
            for param in params:
                self._saved[event.name, param] = list(self._sums[who, param])
        for param, tau in effect.fresh:
            self._sums[who, param] = [tau] * len(self.tensors[param].bits)
        for move in effect.restored:
            self._sums[who, move.param] = list(self._saved[move.save, move.source])
        if written := effect.written:
            self._sums[who, written.param] = written.state_sum.values()
        for updates in (effect.updates, *effect.runs):
            for update in updates:
                self._step(who, update)

    def _step(self, optimizer: str, update: Update) -> None:
        theta, sums = self._theta[update.param], self._sums[optimizer, update.param]
        fmt = self.tensors[update.param].fmt
        places = update.elements
        if fmt == BINARY16:
            self.holds &= update.options.eps >= _LEAST_EPS and update.t <= _LAST_STEP
        for k, g in enumerate(update.gradient.values()):
            i = k if places is None else places[k]
            seen = list(_intermediates(update, theta[i], g, sums[i]))
            self.holds &= all(_inside(fmt, x, margin) for x, margin in seen)
            if not self.holds:
                return
            sums[i], theta[i] = seen[-2][0], seen[-1][0]


def _intermediates(
    update: Update, theta: float, g: float, total: float
) -> Iterator[tuple[float, float]]:
    """(value, its margin): S and theta come last."""
    o, t = update.options, update.t
    scale = (t - 1) * o.lr_decay
    clr = o.lr / (1 + scale)
    decay = o.weight_decay * theta
    used = (-g if o.maximize else g) + decay
    square = used * used
    new = total + square
    root = math.sqrt(new)
    below = root + o.eps
    for value in (o.lr, o.lr_decay, o.weight_decay, o.eps, scale, clr, decay, square):
        yield value, _NEAR
    yield used, _FAR if decay and g else _NEAR
    yield root, _NEAR
    if below == 0:
        yield math.nan, _NEAR
        return
    quotients = (1 / below, used / below, clr / below, clr * used, clr * used / below)
    for value in (below, *quotients):
        yield value, _NEAR
    yield new, _NEAR
    yield theta - clr * used / below, _FAR


def _inside(fmt: Format, value: float, margin: float) -> bool:
    """Zero, or at least `margin` away from where the format ends."""
    if value == 0:
        return True
    low, high = margin * fmt.smallest_normal, fmt.largest / margin
    return low <= abs(value) <= high
