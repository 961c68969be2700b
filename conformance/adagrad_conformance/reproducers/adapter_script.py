"""A failed scenario as a few lines of Python that drive a target through its adapter.

For ports outside torch and for adapters of one's own; `driver.py` is what a script
imports.  As in torch, the script ends in an assertion, or by the exception at fault.
"""

from __future__ import annotations

import math
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
from .assertion import Assertion, condition, in_words
from .torch_literals import listed, shortest

__all__ = ["adapter_reproducer"]


def adapter_reproducer(scenario: Scenario, target: str, due: Assertion | None) -> str:
    """Python source that plays the scenario, whose last event is the one at fault.

    Raises `ScenarioError` for an impossible scenario.
    """
    body = "\n".join(_lines(scenario, _absolute(target), due))
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


def _lines(scenario: Scenario, target: str, due: Assertion | None) -> Iterator[str]:
    books, last = Bookkeeper(scenario), len(scenario.events) - 1
    given = ", ".join(f"{n!r}: {_tensor(t)}" for n, t in scenario.tensors.items())
    yield f"port = load_adapter({target!r}); port.begin({{{given}}})"
    loads = [event for event in scenario.events if isinstance(event, Load)]
    moves = {load.name for load in loads if _is_move(load)}
    for number, event in enumerate(scenario.events):
        if isinstance(event, Load) and _is_move(event):
            yield from _moved(scenario, target, event, books)
        lines = list(_event(event, moves, due))
        if not books.apply(event).refusal:
            yield from lines
            continue
        yield from lines[:-1]
        yield f"try: {lines[-1]}"
        if number == last and due is not None and due.what == "refusal":
            yield "except Refused as error: print('refused, as is due:', error)"
            yield f"else: raise SystemExit({f'accepted, though {due.exact}'!r})"
        else:
            yield "except Refused as error: print('refused:', error)"
    if due is not None and due.what != "refusal":
        yield from _end(scenario, due)


def _is_move(event: Event) -> bool:
    return isinstance(event, Load) and event.via == "new-process"


def _event(event: Event, moves: set[str], due: Assertion | None) -> Iterator[str]:
    written = f"port.perform({_written(event)}"
    if isinstance(event, Step) and event.loss is not None:
        answer = f"ClosureAnswer({_given(event.gradients)}, {event.loss!r})"
        if due is not None and due.what in ("calls", "asked"):
            yield "calls = []"
            answer = f"calls.append(params) or {answer}"
        yield f"loss = {written}, lambda params: {answer}).loss"
    elif isinstance(event, Step) and due is not None and due.what == "loss":
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
    held = dict.fromkeys(books.params(who), who)
    thetas = ", ".join(
        f"{name!r}: port.read({held[name]!r})[{name!r}].theta"
        if name in held
        else f"{name!r}: {_tensor(tensor)}"
        for name, tensor in scenario.tensors.items()
    )
    groups = tuple(Group(p, options.changed()) for p, options in books.groups(who))
    anew = f"port = load_adapter({target!r})"
    yield f"thetas = {{{thetas}}}; {anew}; port.begin(thetas)"
    yield f"port.perform({_written(New(who, groups))})"


def _end(scenario: Scenario, due: Assertion) -> Iterator[str]:
    shown = f"port.read({due.optimizer!r})[{due.param!r}]"
    if due.what in ("state", "master-state"):
        part, words = (
            ("state_sum", "accumulator")
            if due.what == "state"
            else ("master", "master")
        )
        yield f'assert {shown}.{part} is not None, "no {words}"'
        return
    fmt = scenario.tensors[due.param].fmt if due.param in scenario.tensors else None
    same = ("theta", "master", "gradient")
    parts = {**dict(zip(same, same, strict=True)), "S": "state_sum"}
    if due.what == "gradient" and due.box is None:
        none = "is" if due.exact == "None" else "is not"
        yield f"seen = {shown}.gradient"
        yield f'assert seen {none} None, f"{due.place} = {{seen}}"'
        return
    if due.what == "storage" and fmt is not None and due.box is not None:
        bits = hex(fmt.encode(due.box.lo))
        yield f"seen = {shown}.storage[{due.element}]"
        yield f'assert seen == {bits}, f"{due.place} = {{seen:#x}}, due {bits}"'
        return
    if due.what == "rows":
        rows = {place: value for place, value in enumerate(due.values) if value}
        yield f"seen = exact_elements({shown}.gradient)"
        yield f'assert seen == {rows}, f"{due.place} = {{seen}}"'
        return
    looks = {
        "t": f"{shown}.t",
        "calls": "len(calls)",
        "members": f"len(port.read({due.optimizer!r}))",
        "asked": f"calls[0][{due.param!r}].values()",
        "loss": "loss",
    }
    look = looks.get(due.what, f"{shown}.{parts.get(due.what)}.values()[{due.element}]")
    yield f"seen = {look}"
    yield f'assert {condition(due)}, f"{due.place} = {{seen}}, due {in_words(due)}"'


# -- data as Python ----------------------------------------------------------------


def _written(event: Event) -> str:
    who = repr(event.optimizer)
    match event:
        case New(groups=groups, options=options):
            listed_groups = ", ".join(map(_group, groups))
            return f"New({who}, ({listed_groups},){_options(options)})"
        case Step(gradients=gradients, loss=loss):
            more = "" if loss is None else f", {loss!r}"
            return f"Step({who}, {_given(gradients)}{more})"
        case Steps(cycle=cycle, count=count):
            return f"Steps({who}, ({', '.join(map(_given, cycle))},), {count})"
        case SetOption(group=group, option=option, value=value):
            return f"SetOption({who}, {group}, {option!r}, {value!r})"
        case AddGroup(group=added):
            return f"AddGroup({who}, {_group(added)})"
        case ZeroGrad(set_to_none=to_none):
            return f"ZeroGrad({who}, {to_none})"
        case Save(name=name):
            return f"Save({who}, {name!r})"
        case Load(name=name, via=via):
            return f"Load({who}, {name!r}, {via!r})"
        case SetState(param=param, state_sum=total, t=t):
            return f"SetState({who}, {param!r}, {_tensor(total)}, {t})"
        case Read():
            return f"Read({who})"
        case _:
            assert_never(event)


def _group(group: Group) -> str:
    return f"Group({group.params!r}{_options(group.options)})"


def _options(options: OptionValues) -> str:
    return f", {dict(options)!r}" if options else ""


def _given(gradients: Mapping[str, Gradient]) -> str:
    parts = (f"{name!r}: {_gradient(g)}" for name, g in gradients.items())
    return f"{{{', '.join(parts)}}}"


def _gradient(gradient: Gradient) -> str:
    if isinstance(gradient, Sparse):
        values = _tensor(gradient.values)
        return f"Sparse({gradient.shape}, {gradient.indices}, {values})"
    return "None" if gradient is None else _tensor(gradient)


def _tensor(tensor: Tensor) -> str:
    numbers = [
        shortest(tensor.fmt, value) if math.isfinite(value) else repr(value)
        for value in tensor.values()
    ]
    width = 2 if tensor.complex else 1
    plain = tensor.shape == (len(numbers) // width,)
    more = "" if plain else f", shape={tensor.shape}"
    more += ", complex=True" if tensor.complex else ""
    if tensor.layout is not None:
        more += f", layout={tensor.layout!r}"
    return f"tensor({tensor.format!r}, {listed(numbers)}{more})"
