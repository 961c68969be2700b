"""A failed scenario as a few lines of Python that drive a target through its adapter.

For ports outside torch and for adapters of users; `driver.py` is what a script imports.
The script ends in an assertion, or by the exception at fault.  Names of the scenario
are keys of dictionaries here, so they stand as they are, as literals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import assert_never

from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.scenario import (
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

from . import driver
from .assertion import Assertion, Look, condition, in_words
from .decimals import listed, shortest
from .literals import python_literal, python_message

__all__ = ["adapter_reproducer"]


def adapter_reproducer(
    scenario: Scenario, target: str, asserted: Assertion | None
) -> str:
    """Python source that plays the scenario, whose last event is the one at fault.

    Raises `ScenarioError` for an impossible scenario.
    """
    body = "\n".join(_lines(scenario, _absolute(target), asserted))
    words = set(re.findall(r"\w+", body))
    names = [name for name in driver.__all__ if name in words]
    head = [f"from adagrad_conformance.by_hand import {', '.join(names)}"]
    special = [name for name in ("inf", "nan") if name in words]
    if special:
        head.append(f"from math import {', '.join(special)}")
    return "\n".join([*head, body]) + "\n"


def _absolute(target: str) -> str:
    """A port in a file is found from everywhere."""
    path, _, name = target.rpartition(":")
    return f"{Path(path).resolve()}:{name}" if path.endswith(".py") else target


def _lines(
    scenario: Scenario, target: str, asserted: Assertion | None
) -> Iterator[str]:
    books, last = Bookkeeper(scenario), len(scenario.events) - 1
    given = _dict({name: _tensor(t) for name, t in scenario.tensors.items()})
    yield f"port = load_adapter({python_literal(target)}); port.begin({given})"
    loads = [event for event in scenario.events if isinstance(event, Load)]
    moves = {load.name for load in loads if _is_move(load)}
    for number, event in enumerate(scenario.events):
        if isinstance(event, Load) and _is_move(event):
            yield from _moved(scenario, target, event, books)
        lines = list(_event(event, moves, asserted))
        if not books.apply(event).refusal:
            yield from lines
            continue
        yield from lines[:-1]
        yield f"try: {lines[-1]}"
        if number == last and asserted is not None and asserted.what is Look.REFUSAL:
            words = python_literal(f"accepted, though {asserted.exact}")
            yield "except Refused as error: print('refused, as is due:', error)"
            yield f"else: raise SystemExit({words})"
        else:
            yield "except Refused as error: print('refused:', error)"
    if asserted is not None and asserted.what is not Look.REFUSAL:
        yield from _end(scenario, asserted)


def _is_move(event: Event) -> bool:
    return isinstance(event, Load) and event.via == "new-process"


def _event(event: Event, moves: set[str], asserted: Assertion | None) -> Iterator[str]:
    written = f"port.perform({_written(event)}"
    if isinstance(event, Step) and event.loss is not None:
        loss = python_literal(event.loss)
        answer = f"ClosureAnswer({_given(event.gradients)}, {loss})"
        if asserted is not None and asserted.what in (Look.CALLS, Look.ASKED):
            yield "calls = []"
            answer = f"calls.append(params) or {answer}"
        yield f"loss = {written}, lambda params: {answer}).loss"
    elif (
        isinstance(event, Step) and asserted is not None and asserted.what is Look.LOSS
    ):
        yield f"loss = {written}).loss"
    elif isinstance(event, Save) and event.name in moves:
        yield f"saved = {written}).saved"
    elif _is_move(event) and isinstance(event, Load):
        yield f"{written}, None, saved)"
    else:
        yield f"{written})"


def _moved(
    scenario: Scenario, target: str, event: Load, books: Bookkeeper
) -> Iterator[str]:
    """A new adapter, with params of the same values."""
    who = event.optimizer
    held, read = books.params(who), f"port.read({python_literal(who)})"
    thetas = {
        name: f"{read}[{python_literal(name)}].theta"
        if name in held
        else _tensor(tensor)
        for name, tensor in scenario.tensors.items()
    }
    groups = tuple(Group(p, options.changed()) for p, options in books.groups(who))
    anew = f"port = load_adapter({python_literal(target)})"
    yield f"thetas = {_dict(thetas)}; {anew}; port.begin(thetas)"
    yield f"port.perform({_written(New(who, groups))})"


def _end(scenario: Scenario, asserted: Assertion) -> Iterator[str]:
    """The value that is seen where the fault was, and the assertion on it."""
    seen, holds, due = _looked(scenario, asserted)
    yield f"seen = {seen}"
    yield f"assert {holds}, {python_message(f'{asserted.place} = ', due)}"


def _looked(scenario: Scenario, asserted: Assertion) -> tuple[str, str, str]:
    """The value that a script looks at, the condition on it, and words for it."""
    reading, there = _reading(asserted), "seen is not None"
    match asserted.what:
        case Look.STATE:
            return f"{reading}.state_sum", there, ""
        case Look.MASTER_STATE:
            return f"{reading}.master", there, ""
        case Look.GRADIENT if asserted.box is None:
            none = "seen is None" if asserted.exact == "None" else there
            return f"{reading}.gradient", none, ""
        case Look.ROWS:
            rows = {
                place: value for place, value in enumerate(asserted.values) if value
            }
            holds = f"seen == {python_literal(rows)}"
            return f"exact_elements({reading}.gradient)", holds, ""
        case Look.STORAGE:
            bits, place = _bits(scenario, asserted), python_literal(asserted.element)
            holds = f"seen == {python_literal(bits)}"
            return f"hex({reading}.storage[{place}])", holds, f", due {bits}"
    due = f", due {in_words(asserted)}"
    return _number(asserted), condition(asserted), due


def _reading(asserted: Assertion) -> str:
    who, param = python_literal(asserted.optimizer), python_literal(asserted.param)
    return f"port.read({who})[{param}]"


def _number(asserted: Assertion) -> str:
    """The expression of a number, or of all numbers of a param."""
    what, reading = asserted.what, _reading(asserted)
    element = python_literal(asserted.element)
    match what:
        case Look.THETA | Look.MASTER | Look.GRADIENT:
            return f"{reading}.{what}.values()[{element}]"
        case Look.SUM:
            return f"{reading}.state_sum.values()[{element}]"
        case Look.COUNTER:
            return f"{reading}.t"
        case Look.CALLS:
            return "len(calls)"
        case Look.MEMBERS:
            return f"len(port.read({python_literal(asserted.optimizer)}))"
        case Look.ASKED:
            return f"calls[0][{python_literal(asserted.param)}].values()"
        case Look.LOSS:
            return "loss"
        case Look.STATE | Look.MASTER_STATE | Look.ROWS | Look.STORAGE | Look.REFUSAL:
            raise AssertionError(f"no number is looked at for {what}")
        case _:
            assert_never(what)


def _bits(scenario: Scenario, asserted: Assertion) -> str:
    """The encoding of the exact value, in hexadecimal digits."""
    assert asserted.box is not None
    return hex(scenario.tensors[asserted.param].fmt.encode(asserted.box.lo))


# -- data as Python ----------------------------------------------------------------


def _written(event: Event) -> str:
    """The event as its constructor."""
    return f"{type(event).__name__}({', '.join(_parts(event))})"


def _parts(event: Event) -> Iterator[str]:
    yield python_literal(event.optimizer)
    match event:
        case New(groups=groups, options=options):
            yield f"({', '.join(map(_group, groups))},)"
            yield from _options(options)
        case Step(gradients=gradients, loss=loss):
            yield _given(gradients)
            if loss is not None:
                yield python_literal(loss)
        case Steps(cycle=cycle, count=count):
            yield f"({', '.join(map(_given, cycle))},)"
            yield python_literal(count)
        case SetOption(group=group, option=option, value=value):
            yield from map(python_literal, (group, option, value))
        case AddGroup(group=added):
            yield _group(added)
        case ZeroGrad(set_to_none=to_none):
            yield python_literal(to_none)
        case Save(name=name):
            yield python_literal(name)
        case Load(name=name, via=via):
            yield from map(python_literal, (name, via))
        case SetState(param=param, state_sum=total, t=t):
            yield from (python_literal(param), _tensor(total), python_literal(t))
        case Read():
            pass
        case _:
            assert_never(event)


def _group(group: Group) -> str:
    parts = [python_literal(group.params), *_options(group.options)]
    return f"Group({', '.join(parts)})"


def _options(options: OptionValues) -> Iterator[str]:
    if options:
        yield python_literal(options)


def _dict(texts: Mapping[str, str]) -> str:
    """A dictionary of names whose values are Python source."""
    pairs = (f"{python_literal(name)}: {text}" for name, text in texts.items())
    return f"{{{', '.join(pairs)}}}"


def _given(gradients: Mapping[str, Gradient]) -> str:
    return _dict({name: _gradient(gradient) for name, gradient in gradients.items()})


def _gradient(gradient: Gradient) -> str:
    match gradient:
        case None:
            return "None"
        case Sparse(shape=shape, indices=indices, values=values):
            rows = f"{python_literal(shape)}, {python_literal(indices)}"
            return f"Sparse({rows}, {_tensor(values)})"
        case Tensor():
            return _tensor(gradient)
        case _:
            assert_never(gradient)


def _tensor(tensor: Tensor) -> str:
    numbers = [shortest(tensor.fmt, value) for value in tensor.values()]
    parts = [python_literal(tensor.format), listed(numbers)]
    width = 2 if tensor.complex else 1
    if tensor.shape != (len(numbers) // width,):
        parts.append(f"shape={python_literal(tensor.shape)}")
    if tensor.complex:
        parts.append("complex=True")
    if (layout := tensor.layout) is not None:
        values = (layout.length, layout.offset, layout.strides, layout.guard)
        parts.append(f"layout=Layout{python_literal(values)}")
    return f"tensor({', '.join(parts)})"
