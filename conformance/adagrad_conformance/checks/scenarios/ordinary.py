"""Whether every number of a scenario is ordinary, so that a MUST may rest on it.

Every step is taken in binary64.  No intermediate of five orders of the update may come
near the ends of the format.  A sum that may cancel keeps a wider margin, since the
theta of a port differs from this one by some roundings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.effects import Effect, Update
from adagrad_reference.formats import BINARY16, Format
from adagrad_reference.scenario import Event, Save, Scenario, Tensor

__all__ = ["SMALLEST_EPS_16", "Ordinary", "is_ordinary"]

Array = Any

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
        self._theta = {name: np.array(t.values(), float) for name, t in tensors.items()}
        self._sums: dict[Place, Array] = {}
        self._saved: dict[Place, Array] = {}

    def follow(self, event: Event, effect: Effect, params: Sequence[str]) -> None:
        """Apply the effect of an event; `params` are those of its optimizer."""
        who = event.optimizer
        if isinstance(event, Save):
            for param in params:
                self._saved[event.name, param] = self._sums[who, param].copy()
        for param, tau in effect.fresh:
            self._sums[who, param] = np.full(len(self.tensors[param].bits), float(tau))
        for move in effect.restored:
            self._sums[who, move.param] = self._saved[move.save, move.source].copy()
        if written := effect.written:
            self._sums[who, written.param] = np.array(written.state_sum.values(), float)
        for updates in (effect.updates, *effect.runs):
            for update in updates:
                self._step(who, update)

    def _step(self, optimizer: str, update: Update) -> None:
        theta, sums = self._theta[update.param], self._sums[optimizer, update.param]
        fmt = self.tensors[update.param].fmt
        if fmt == BINARY16:
            self.holds &= _fits_binary16(update)
        if not self.holds:
            return
        some = slice(None) if update.elements is None else list(update.elements)
        gradient = np.array(update.gradient.values(), float)
        with np.errstate(all="ignore"):
            near, far, after = _step(update, theta[some], gradient, sums[some])
            self.holds &= _inside(fmt, near, _NEAR) and _inside(fmt, far, _FAR)
        if self.holds:
            theta[some], sums[some] = after


def _fits_binary16(update: Update) -> bool:
    return update.options.eps >= SMALLEST_EPS_16 and update.t <= _LAST_STEP_16


def _step(
    update: Update, theta: Array, g: Array, total: Array
) -> tuple[Array, Array, tuple[Array, Array]]:
    """The intermediates of a step, of either margin, and theta and S after it."""
    o = update.options
    scale = (update.t - 1) * o.lr_decay
    clr = o.lr / (1 + scale)
    decay = o.weight_decay * theta
    used = (-g if o.maximize else g) + decay
    square = used * used
    new = total + square
    root = np.sqrt(new)
    below = root + o.eps
    scaled, inverse = clr * used, 1 / below
    moves = scaled * inverse
    after = theta - moves
    scalars = np.array((o.lr, o.lr_decay, o.weight_decay, o.eps, scale, clr))
    elements = (decay, square, used, root, below, new)
    quotients = (inverse, used * inverse, clr * inverse, scaled, moves)
    near = np.concatenate((scalars, *elements, *quotients))
    cancels = used[(decay != 0) & (g != 0)]
    return (
        near,
        np.concatenate((after, cancels, np.where(below == 0, np.nan, 0.0))),
        (
            after,
            new,
        ),
    )


def _inside(fmt: Format, values: Array, margin: float) -> bool:
    """Whether every value is zero, or inside the format by the factor `margin`."""
    low, high = margin * fmt.smallest_normal, fmt.largest / margin
    magnitude = np.abs(values)
    return bool(((magnitude == 0) | ((low <= magnitude) & (magnitude <= high))).all())
