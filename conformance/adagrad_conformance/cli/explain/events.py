"""A scenario event by event: inputs, options, and what is due down to the bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adagrad_conformance.checks.vector_files import Library
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.boxes import encoded
from adagrad_reference.effects import Update
from adagrad_reference.expectations import ParamExpectation, expected
from adagrad_reference.formats import decimal
from adagrad_reference.scenario import Event, Scenario, Tensor

__all__ = ["event_lines", "event_word", "first_places", "first_values"]

#: Elements shown of each param.
_SHOWN = 4


def event_lines(scenario: Scenario, library: Library) -> Iterator[str]:
    """The events of a scenario, and what is due after each."""
    books = Bookkeeper(scenario)
    due_of_events = library.expectations(scenario) or expected(scenario)
    for number, (event, due) in enumerate(
        zip(scenario.events, due_of_events, strict=True)
    ):
        effect = books.apply(event)
        if due.refusal:
            word = type(event).__name__
            yield f"  {number} {word}: must be refused: {due.refusal}"
            continue
        yield f"  {number} {event_word(event)}"
        for update in effect.updates:
            yield from _update(scenario, update, due.params[update.param])


def _update(scenario: Scenario, update: Update, due: ParamExpectation) -> Iterator[str]:
    o = update.options
    yield (
        f"      {update.param}: step t = {update.t}, lr {o.lr!r}, "
        f"lr_decay {o.lr_decay!r}, weight_decay {o.weight_decay!r}, "
        f"eps {o.eps!r}, maximize {o.maximize}"
    )
    like = scenario.tensors[update.param]
    show = encoded(like.fmt)
    places: Iterable[int] = range(len(like.bits))
    if update.elements is not None:
        places = update.elements
        yield f"      moved {first_places(update.elements)}, the others keep every bit"
    yield f"      g     {first_values(update.gradient)}"
    columns = (
        ("S", due.state_sum, due.exact_sum),
        ("theta", due.theta, due.exact_theta),
    )
    for what, boxes, exact in columns:
        if boxes is None:
            continue
        for i in list(places)[:_SHOWN]:
            best = "" if exact is None else f"  exact {show(exact[i])}"
            place = f"      {what}{_element(like, i)}".ljust(15)
            yield f"{place} " + boxes["lawful"][i].words(show) + best


def _element(like: Tensor, i: int) -> str:
    """The element of an encoding; of a complex one its part."""
    return f"[{i // 2}].{('real', 'imag')[i % 2]}" if like.complex else f"[{i}]"


def first_values(tensor: Tensor) -> str:
    """The first values of a tensor, as decimals."""
    values = tensor.values()
    shown = ", ".join(decimal(tensor.fmt, v) for v in values[:_SHOWN])
    more = f", ... ({len(values)} elements)" if len(values) > _SHOWN else ""
    return f"[{shown}{more}]"


def event_word(event: Event) -> str:
    """The kind of an event, and its optimizer."""
    return f"{type(event).__name__} {event.optimizer}"


def first_places(elements: tuple[int, ...] | None) -> str:
    """The first elements of those named, in brackets; nothing where all are meant."""
    if elements is None:
        return ""
    shown = ", ".join(map(str, elements[:_SHOWN]))
    more = f", ... ({len(elements)} elements)" if len(elements) > _SHOWN else ""
    return f"[{shown}{more}]"
