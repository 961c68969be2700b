"""For the tests of books and expectations: small scenarios, and their books."""

from __future__ import annotations

import math
from fractions import Fraction

from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import (
    Group,
    New,
    Scenario,
    Step,
    Tensor,
)

WAYS = ("same-object", "deepcopy", "bytes", "new-process")


def tensor(*values, fmt="binary64", shape=None, **more):
    """A tensor of plain numbers, rounded to the format."""
    form = FORMATS[fmt]
    bits = tuple(
        form.encode(form.round(Fraction(v)) if math.isfinite(v) else v) for v in values
    )
    return Tensor(fmt, (len(values),) if shape is None else shape, bits, **more)


def scenario(*events, **tensors):
    """A scenario of these tensors and events."""
    return Scenario(
        "test/scenario", ("algorithm/update",), "MUST", tensors, tuple(events)
    )


def step(**gradients):
    return Step("opt", gradients)


def new(*params, **options):
    return New("opt", (Group(params),), options)


AB = {"a": tensor(1.0, 2.0), "b": tensor(3.0)}
GA, GB = tensor(0.5, -0.25), tensor(2.0)
GB2 = tensor(-1.5, 0.125)  #: for a, as GA


def steps_of(effect):
    """(param, t) of every step taken."""
    return [(u.param, u.t) for u in effect.updates]


def played(*events, **tensors):
    """The books after the events, and their effects."""
    books = Bookkeeper(scenario(*events, **(tensors or AB)))
    return books, [books.apply(event) for event in books.scenario.events]
