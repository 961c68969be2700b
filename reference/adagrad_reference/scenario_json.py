"""Scenarios as JSON values and back: the same words in vector files and on the wire.

Rule 1.  An event is an object; `do` is the word of its kind.  One table holds, for each
         kind, its word, how it is read and how it is written.
Rule 2.  An unknown word, a field of the wrong kind, or a name beyond the grammar of
         names.py is a `CodecError`; its message names the scenario and the place.
Rule 3.  tensor_json.py reads and writes numbers and tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

from .flags import Flag
from .json_fields import CodecError, Json, by_word, field, path, paths, word, words
from .names import NOTE_LENGTH, is_note, shown
from .scenario import (
    LEVELS,
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    LoadWay,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Step,
    Steps,
    ZeroGrad,
)
from .tensor_json import (
    gradient_from_json,
    gradient_to_json,
    number_from_json,
    number_to_json,
    option_from_json,
    options_from_json,
    options_to_json,
    tensor_from_json,
    tensor_to_json,
)

__all__ = [
    "EVENT_WORDS",
    "event_from_json",
    "event_to_json",
    "group_from_json",
    "group_to_json",
    "scenario_from_json",
    "scenario_to_json",
]


class _Style(NamedTuple):
    """How tensors are written: with decimals beside the bits, the bits as one text."""

    decimals: bool
    packed: bool


def group_to_json(group: Group) -> Json:
    """A param group."""
    return {"params": list(group.params), "options": options_to_json(group.options)}


def group_from_json(data: Any) -> Group:
    """The inverse of `group_to_json`."""
    params = words(data, "params", "group")
    return Group(params, options_from_json(field(data, "options", dict, "group")))


def _gradients(given: Json) -> dict[str, Gradient]:
    return {name: gradient_from_json(gradient) for name, gradient in given.items()}


def _gradients_to_json(gradients: Mapping[str, Gradient], style: _Style) -> Json:
    return {name: gradient_to_json(g, *style) for name, g in gradients.items()}


# -- events, kind by kind --------------------------------------------------------------


def _new(d: Json) -> New:
    groups = tuple(group_from_json(group) for group in field(d, "groups", list))
    return New(_who(d), groups, options_from_json(field(d, "options", dict)))


def _new_to_json(event: New, style: _Style) -> Json:
    return {
        "groups": [group_to_json(group) for group in event.groups],
        "options": options_to_json(event.options),
    }


def _step(d: Json) -> Step:
    gradients = _gradients(by_word(d, "gradients"))
    loss = d.get("loss")
    number = None if loss is None else float(number_from_json(loss, "loss"))
    return Step(_who(d), gradients, number)


def _step_to_json(event: Step, style: _Style) -> Json:
    data: Json = {"gradients": _gradients_to_json(event.gradients, style)}
    if event.loss is not None:
        data["loss"] = number_to_json(event.loss)
    return data


def _steps(d: Json) -> Steps:
    sets = field(d, "cycle", list)
    if not all(isinstance(gradients, dict) for gradients in sets):
        raise CodecError("'cycle' must be a list of gradients by name")
    named = [by_word({"cycle": gradients}, "cycle") for gradients in sets]
    return Steps(_who(d), tuple(map(_gradients, named)), field(d, "count", int))


def _steps_to_json(event: Steps, style: _Style) -> Json:
    cycle = [_gradients_to_json(gradients, style) for gradients in event.cycle]
    return {"cycle": cycle, "count": event.count}


def _set_option(d: Json) -> SetOption:
    group, option = field(d, "group", int), field(d, "option", str)
    return SetOption(_who(d), group, option, option_from_json(option, d["value"]))


def _set_option_to_json(event: SetOption, style: _Style) -> Json:
    value = number_to_json(event.value)
    return {"group": event.group, "option": event.option, "value": value}


def _add_group(d: Json) -> AddGroup:
    return AddGroup(_who(d), group_from_json(d["group"]))


def _add_group_to_json(event: AddGroup, style: _Style) -> Json:
    return {"group": group_to_json(event.group)}


def _zero_grad(d: Json) -> ZeroGrad:
    return ZeroGrad(_who(d), field(d, "set_to_none", bool))


def _zero_grad_to_json(event: ZeroGrad, style: _Style) -> Json:
    return {"set_to_none": event.set_to_none}


def _read(d: Json) -> Read:
    return Read(_who(d))


def _read_to_json(event: Read, style: _Style) -> Json:
    return {}


def _save(d: Json) -> Save:
    return Save(_who(d), word(d, "name"))


def _save_to_json(event: Save, style: _Style) -> Json:
    return {"name": event.name}


def _load(d: Json) -> Load:
    via, known = field(d, "via", str), get_args(LoadWay)
    if via not in known:
        raise CodecError(f"unknown via {shown(via)}; known: {', '.join(known)}")
    return Load(_who(d), word(d, "name"), via)


def _load_to_json(event: Load, style: _Style) -> Json:
    return {"name": event.name, "via": event.via}


def _set_state(d: Json) -> SetState:
    total = tensor_from_json(d["sum"])
    return SetState(_who(d), word(d, "param"), total, field(d, "t", int))


def _set_state_to_json(event: SetState, style: _Style) -> Json:
    total = tensor_to_json(event.state_sum, *style)
    return {"param": event.param, "sum": total, "t": event.t}


def _who(d: Json) -> str:
    return word(d, "optimizer")


class _Kind(NamedTuple):
    """A kind of event: its word, how its object is read, how the rest is written."""

    word: str
    read: Callable[[Json], Event]
    write: Callable[[Any, _Style], Json]


_KINDS: Mapping[type[Event], _Kind] = {
    New: _Kind("new", _new, _new_to_json),
    Step: _Kind("step", _step, _step_to_json),
    Steps: _Kind("steps", _steps, _steps_to_json),
    SetOption: _Kind("set-option", _set_option, _set_option_to_json),
    AddGroup: _Kind("add-group", _add_group, _add_group_to_json),
    ZeroGrad: _Kind("zero-grad", _zero_grad, _zero_grad_to_json),
    Read: _Kind("state-dict", _read, _read_to_json),
    Save: _Kind("save", _save, _save_to_json),
    Load: _Kind("load", _load, _load_to_json),
    SetState: _Kind("set-state", _set_state, _set_state_to_json),
}
assert set(_KINDS) == set(get_args(Event)), "a kind of event has no word"

#: The word of each kind of event, as `do` has it.
EVENT_WORDS: Mapping[type[Event], str] = {
    kind: row.word for kind, row in _KINDS.items()
}
_READERS = {row.word: row.read for row in _KINDS.values()}


def event_from_json(data: Any) -> Event:
    """The inverse of `event_to_json`; raises `CodecError`."""
    name = field(data, "do", str, "event")
    if name not in _READERS:
        raise CodecError(f"unknown event {shown(name)}; known: {', '.join(_READERS)}")
    try:
        return _READERS[name](data)
    except (KeyError, TypeError) as error:
        raise CodecError(f"event {name!r}: lacks or mistakes {error}") from None
    except CodecError as error:
        raise CodecError(f"event {name!r}: {error}") from None


def event_to_json(event: Event, decimals: bool = True, packed: bool = False) -> Json:
    """An event; `do` names its kind.  Tensors are as `tensor_to_json` makes them."""
    kind = _KINDS[type(event)]
    rest = kind.write(event, _Style(decimals, packed))
    return {"do": kind.word, "optimizer": event.optimizer, **rest}


# -- scenarios -------------------------------------------------------------------------


def scenario_to_json(scenario: Scenario) -> Json:
    """A whole scenario."""
    return {
        "id": scenario.id,
        "requirements": list(scenario.requirements),
        "level": scenario.level,
        "flags": [str(flag) for flag in scenario.flags],
        "note": scenario.note,
        "tensors": {name: tensor_to_json(t) for name, t in scenario.tensors.items()},
        "events": [event_to_json(event) for event in scenario.events],
    }


def scenario_from_json(data: Any) -> Scenario:
    """The inverse of `scenario_to_json`; raises `CodecError`.

    Other fields of `data`, such as the expectations of a vector, are left alone.
    """
    name = path(data, "id", "scenario")
    try:
        events = field(data, "events", list, "scenario")
        if not events:
            raise CodecError("there are no events")
        tensors = by_word(data, "tensors", "scenario").items()
        return Scenario(
            name,
            paths(data, "requirements", "scenario"),
            _level(data),
            {param: tensor_from_json(tensor) for param, tensor in tensors},
            tuple(map(event_from_json, events)),
            _flags(data),
            _note(data),
        )
    except (CodecError, KeyError, TypeError) as error:
        raise CodecError(f"scenario {name}: {error}") from None


def _level(data: Json) -> str:
    level: str = field(data, "level", str, "scenario")
    if level not in LEVELS:
        raise CodecError(f"unknown level {shown(level)}; known: {', '.join(LEVELS)}")
    return level


def _flags(data: Json) -> tuple[Flag, ...]:
    names = field(data, "flags", list, "scenario") if "flags" in data else ()
    try:
        return tuple(map(Flag.named, names))
    except ValueError as error:
        raise CodecError(str(error)) from None


def _note(data: Json) -> str:
    note = field(data, "note", str, "scenario") if "note" in data else ""
    if not is_note(note):
        limit = f"at most {NOTE_LENGTH} printable characters"
        raise CodecError(f"'note' must be one line of {limit}, not {shown(note)}")
    return note
