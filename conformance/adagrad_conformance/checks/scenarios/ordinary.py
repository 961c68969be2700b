"""Whether every number of a scenario is ordinary, so that a MUST may rest on it.

Every step is taken in binary64.  No intermediate of five orders of the update may come
near the ends of the format.  A sum that may cancel keeps a wider margin, since the
theta of a port differs from this one by some roundings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.effects import Effect, Update
from adagrad_reference.formats import BINARY16, Format
from adagrad_reference.scenario import Event, Save, Scenario, Tensor

__all__ = ["SMALLEST_EPS_16", "Ordinary", "is_ordinary"]

Place = tuple[str, str]
#: Factors between an intermediate and the ends of the format.
_NEAR, _FAR = 2.0, 64.0
#: The smallest eps of ordinary scenarios in a 16-bit format.
SMALLEST_EPS_16 = 1e-3
#: The last step of ordinary scenarios in binary16.
_LAST_STEP_16 = 2048


def is_ordinary(scenario: Scenario) -> bool:
    """Whether every intermediate of every step of a scenario is ordinary."""
    books, numbers = Bookkeeper(scenario), Ordinary(scenario.tensors)
    for event in scenario.events:
        numbers.follow(event, books.apply(event), books.params(event.optimizer))
    return numbers.holds


class Ordinary:
    """Theta and S along a scenario, in binary64.

    `holds` is True until an intermediate is not ordinary, and False from then on.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors
        self.holds = True
        self._theta = {name: t.values() for name, t in tensors.items()}
        self._sums: dict[Place, list[float]] = {}
        self._saved: dict[Place, list[float]] = {}

    def follow(self, event: Event, effect: Effect, params: Sequence[str]) -> None:
        """Apply the effect of an event; `params` are those of its optimizer."""
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
            self.holds &= _fits_binary16(update)
        for k, g in enumerate(update.gradient.values()):
            i = k if places is None else places[k]
            seen = list(_intermediates(update, theta[i], g, sums[i]))
            self.holds &= all(_inside(fmt, x, margin) for x, margin in seen)
            if not self.holds:
                return
            sums[i], theta[i] = seen[-2][0], seen[-1][0]


def _fits_binary16(update: Update) -> bool:
    return update.options.eps >= SMALLEST_EPS_16 and update.t <= _LAST_STEP_16


def _intermediates(
    update: Update, theta: float, g: float, total: float
) -> Iterator[tuple[float, float]]:
    """The intermediates of a step, each with its margin; S and theta come last."""
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
    """Whether a value is zero, or inside the format by the factor `margin`."""
    if value == 0:
        return True
    low, high = margin * fmt.smallest_normal, fmt.largest / margin
    return low <= abs(value) <= high
