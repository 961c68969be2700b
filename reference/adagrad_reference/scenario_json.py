"""Scenarios as JSON values and back: the same words in vector files and on the wire.

Rule 1.  Numbers are encodings as hexadecimal digits, most significant first.  Tensors
         use their own format, hyperparameters and losses binary64.  A `decimal` beside
         them is for people and is never read.
Rule 2.  What is unknown or of the wrong kind is an error that names the place.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, get_args

from .flags import Flag
from .formats import (
    FORMATS,
    Format,
    decimal,
    float_from_hex_bits,
    float_to_hex_bits,
)
from .scenario import (
    LEVELS,
    AddGroup,
    Event,
    Gradient,
    Group,
    Layout,
    Load,
    LoadWay,
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

__all__ = [
    "CodecError",
    "encodings_from_json",
    "encodings_from_text",
    "encodings_to_json",
    "encodings_to_text",
    "event_from_json",
    "event_to_json",
    "gradient_from_json",
    "gradient_to_json",
    "group_from_json",
    "group_to_json",
    "number_from_json",
    "number_to_json",
    "options_from_json",
    "options_to_json",
    "scenario_from_json",
    "scenario_to_json",
    "tensor_from_json",
    "tensor_to_json",
]

Json = dict[str, Any]


class CodecError(ValueError):
    """JSON that is no scenario; the message says where and why."""


# -- numbers and options -------------------------------------------------------------


def number_to_json(value: float | bool) -> Any:
    """A hyperparameter: a flag as such, a number as binary64 bits."""
    if isinstance(value, bool):
        return value
    return {"bits": float_to_hex_bits(value), "decimal": repr(float(value))}


def number_from_json(data: Any, where: str = "number") -> float | bool:
    """The inverse of `number_to_json`."""
    if isinstance(data, bool):
        return data
    try:
        return float_from_hex_bits(_get(data, "bits", str, where))
    except ValueError as error:
        raise CodecError(f"{where}: {error}") from None


def options_to_json(options: OptionValues) -> Json:
    """Options by name."""
    return {name: number_to_json(value) for name, value in options.items()}


def options_from_json(data: Json) -> dict[str, float | bool]:
    """The inverse of `options_to_json`."""
    return {name: _option(name, value) for name, value in data.items()}


def _option(name: str, data: Any) -> float | bool:
    value = number_from_json(data, name)
    if isinstance(value, bool) != (name == "maximize"):
        kind = "a flag" if name == "maximize" else "a number"
        raise CodecError(f"{name} must be {kind}")
    return value


# -- tensors and gradients -----------------------------------------------------------


def tensor_to_json(tensor: Tensor, decimals: bool = True, packed: bool = False) -> Json:
    """A tensor, with its decimals beside if wanted; `packed`: its bits are one text."""
    fmt = tensor.fmt
    encoded = encodings_to_text if packed else encodings_to_json
    data: Json = {
        "format": tensor.format,
        "shape": list(tensor.shape),
        "bits": encoded(fmt, tensor.bits),
    }
    if decimals:
        data["decimal"] = [decimal(fmt, value) for value in tensor.values()]
    if tensor.complex:
        data["complex"] = True
    if tensor.layout:
        data["layout"] = {
            "length": tensor.layout.length,
            "offset": tensor.layout.offset,
            "strides": list(tensor.layout.strides),
            "guard": f"{tensor.layout.guard:0{fmt.hex_digits}x}",
        }
    return data


def tensor_from_json(data: Any) -> Tensor:
    """The inverse of `tensor_to_json`."""
    name = _get(data, "format", str, "tensor")
    if name not in FORMATS:
        raise CodecError(f"unknown format {name!r}; known: {', '.join(FORMATS)}")
    shape, bits = _integers(data, "shape", "tensor"), data.get("bits")
    is_complex, layout = bool(data.get("complex", False)), data.get("layout")
    if isinstance(bits, str) and layout is None and len(bits) <= _MUCH:
        return _unpacked(name, shape, bits, is_complex)
    if isinstance(bits, str):
        encodings = encodings_from_text(FORMATS[name], bits)
    else:
        bits = _get(data, "bits", list, "tensor")
        encodings = encodings_from_json(FORMATS[name], bits)
    if layout is not None:
        layout = _layout_from_json(FORMATS[name], layout)
    return _sound(Tensor(name, shape, encodings, is_complex, layout))


#: Texts up to this length are worth remembering.
_MUCH = 1 << 10


@lru_cache(256)
def _unpacked(name: str, shape: tuple[int, ...], text: str, is_complex: bool) -> Tensor:
    """A tensor whose bits are one text; a port shows most tensors again and again."""
    bits = encodings_from_text(FORMATS[name], text)
    return _sound(Tensor(name, shape, bits, is_complex))


def _sound(tensor: Tensor) -> Tensor:
    if problem := tensor.problem():
        raise CodecError(f"tensor: {problem}")
    return tensor


def _layout_from_json(fmt: Format, data: Any) -> Layout:
    return Layout(
        _get(data, "length", int, "layout"),
        _get(data, "offset", int, "layout"),
        _integers(data, "strides", "layout"),
        encodings_from_json(fmt, [data["guard"]])[0],
    )


#: How `struct` packs unsigned numbers of so many bits.
_CODES = {64: "Q", 32: "I", 16: "H"}


def encodings_to_text(fmt: Format, bits: Sequence[int]) -> str:
    """Encodings as hexadecimal digits, one behind the other."""
    return struct.pack(f">{len(bits)}{_CODES[fmt.width]}", *bits).hex()


def encodings_from_text(fmt: Format, text: str) -> tuple[int, ...]:
    """The inverse of `encodings_to_text`."""
    count = len(text) // fmt.hex_digits
    try:
        packed = bytes.fromhex(text)  # it passes over white space
    except (TypeError, ValueError):
        packed = b""
    if 2 * len(packed) != len(text) or count * fmt.hex_digits != len(text):
        raise CodecError(f"not hexadecimal digits: {text!r}"[:200])
    return struct.unpack(f">{count}{_CODES[fmt.width]}", packed)


def encodings_to_json(fmt: Format, bits: Sequence[int]) -> list[str]:
    """Encodings as texts of hexadecimal digits."""
    packed = struct.pack(f">{len(bits)}{_CODES[fmt.width]}", *bits)
    return packed.hex(" ", fmt.width // 8).split()


def encodings_from_json(fmt: Format, digits: Sequence[Any]) -> tuple[int, ...]:
    """Encodings from texts of hexadecimal digits, exactly as many as the format has."""
    try:
        if set(map(len, digits)) <= {fmt.hex_digits}:
            return encodings_from_text(fmt, "".join(digits))
    except TypeError:
        pass  # there is something else among them
    wrong = next(
        x for x in digits if not isinstance(x, str) or len(x) != fmt.hex_digits
    )
    raise CodecError(f"{wrong!r} is not {fmt.hex_digits} hex digits ({fmt.name})")


def gradient_to_json(
    gradient: Gradient, decimals: bool = True, packed: bool = False
) -> Json | None:
    """None, a dense tensor, or a sparse gradient; as `tensor_to_json`."""
    if isinstance(gradient, Sparse):
        return {
            "shape": list(gradient.shape),
            "indices": list(gradient.indices),
            "values": tensor_to_json(gradient.values, decimals, packed),
        }
    return None if gradient is None else tensor_to_json(gradient, decimals, packed)


def gradient_from_json(data: Any) -> Gradient:
    """The inverse of `gradient_to_json`."""
    if data is None:
        return None
    if isinstance(data, dict) and "indices" in data:
        shape, indices = (_integers(data, k, "gradient") for k in ("shape", "indices"))
        values = tensor_from_json(_get(data, "values", dict, "gradient"))
        sparse = Sparse(shape, indices, values)
        if problem := sparse.problem():
            raise CodecError(f"gradient: {problem}")
        return sparse
    return tensor_from_json(data)


def group_to_json(group: Group) -> Json:
    """A param group."""
    return {"params": list(group.params), "options": options_to_json(group.options)}


def group_from_json(data: Any) -> Group:
    """The inverse of `group_to_json`."""
    params = _texts(data, "params", "group")
    return Group(params, options_from_json(_get(data, "options", dict, "group")))


# -- events --------------------------------------------------------------------------


def _new(d: Json) -> Event:
    groups = tuple(group_from_json(group) for group in _get(d, "groups", list))
    return New(_who(d), groups, options_from_json(_get(d, "options", dict)))


def _gradients(given: Json) -> dict[str, Gradient]:
    return {name: gradient_from_json(gradient) for name, gradient in given.items()}


def _step(d: Json) -> Event:
    gradients = _gradients(_get(d, "gradients", dict))
    loss = d.get("loss")
    number = None if loss is None else float(number_from_json(loss, "loss"))
    return Step(_who(d), gradients, number)


def _steps(d: Json) -> Event:
    sets = _get(d, "cycle", list)
    if not all(isinstance(gradients, dict) for gradients in sets):
        raise CodecError("'cycle' must be a list of gradients by name")
    return Steps(_who(d), tuple(map(_gradients, sets)), _get(d, "count", int))


def _set_option(d: Json) -> Event:
    group, option = _get(d, "group", int), _get(d, "option", str)
    return SetOption(_who(d), group, option, _option(option, d["value"]))


def _load(d: Json) -> Event:
    via = _get(d, "via", str)
    if via not in get_args(LoadWay):
        raise CodecError(f"unknown via {via!r}; known: {', '.join(get_args(LoadWay))}")
    return Load(_who(d), _get(d, "name", str), via)


def _set_state(d: Json) -> Event:
    total = tensor_from_json(d["sum"])
    return SetState(_who(d), _get(d, "param", str), total, _get(d, "t", int))


def _who(d: Json) -> str:
    name: str = _get(d, "optimizer", str)
    return name


_DECODERS: Mapping[str, Callable[[Json], Event]] = {
    "new": _new,
    "step": _step,
    "steps": _steps,
    "set-option": _set_option,
    "add-group": lambda d: AddGroup(_who(d), group_from_json(d["group"])),
    "zero-grad": lambda d: ZeroGrad(_who(d), _get(d, "set_to_none", bool)),
    "state-dict": lambda d: Read(_who(d)),
    "save": lambda d: Save(_who(d), _get(d, "name", str)),
    "load": _load,
    "set-state": _set_state,
}


def event_from_json(data: Any) -> Event:
    """The inverse of `event_to_json`."""
    word = _get(data, "do", str, "event")
    if word not in _DECODERS:
        raise CodecError(f"unknown event {word!r}; known: {', '.join(_DECODERS)}")
    try:
        return _DECODERS[word](data)
    except (KeyError, TypeError) as error:
        raise CodecError(f"event {word!r}: lacks or mistakes {error}") from None
    except CodecError as error:
        raise CodecError(f"event {word!r}: {error}") from None


def event_to_json(event: Event, decimals: bool = True, packed: bool = False) -> Json:
    """An event; `do` names its kind.  Tensors are as `tensor_to_json` makes them."""

    def named(gradients: Mapping[str, Gradient]) -> Json:
        return {
            name: gradient_to_json(gradient, decimals, packed)
            for name, gradient in gradients.items()
        }

    match event:
        case New(_, groups, options):
            rest: Json = {
                "groups": [group_to_json(group) for group in groups],
                "options": options_to_json(options),
            }
        case Step(_, gradients, loss):
            rest = {"gradients": named(gradients)}
            if loss is not None:
                rest["loss"] = number_to_json(loss)
        case Steps(_, cycle, count):
            rest = {
                "cycle": [named(gradients) for gradients in cycle],
                "count": count,
            }
        case SetOption(_, group, option, value):
            rest = {"group": group, "option": option, "value": number_to_json(value)}
        case AddGroup(_, new_group):
            rest = {"group": group_to_json(new_group)}
        case ZeroGrad(_, set_to_none):
            rest = {"set_to_none": set_to_none}
        case Read():
            rest = {}
        case Save(_, name):
            rest = {"name": name}
        case Load(_, name, via):
            rest = {"name": name, "via": via}
        case SetState(_, param, state_sum, t):
            total = tensor_to_json(state_sum, decimals, packed)
            rest = {"param": param, "sum": total, "t": t}
    return {"do": _WORDS[type(event)], "optimizer": event.optimizer, **rest}


_WORDS: Mapping[type, str] = dict(
    zip(
        (New, Step, Steps, SetOption, AddGroup, ZeroGrad, Read, Save, Load, SetState),
        _DECODERS,
        strict=True,
    )
)


# -- scenarios -----------------------------------------------------------------------


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
    """The inverse of `scenario_to_json`; what else `data` holds is left alone."""
    name = _get(data, "id", str, "scenario")
    try:
        level = _get(data, "level", str, "scenario")
        if level not in LEVELS:
            raise CodecError(f"unknown level {level!r}; known: {', '.join(LEVELS)}")
        if not _get(data, "events", list, "scenario"):
            raise CodecError("there are no events")
        return Scenario(
            name,
            _texts(data, "requirements", "scenario"),
            level,
            {k: tensor_from_json(t) for k, t in data["tensors"].items()},
            tuple(event_from_json(event) for event in data["events"]),
            tuple(_flag(text) for text in data.get("flags", ())),
            data.get("note", ""),
        )
    except (CodecError, KeyError, TypeError, AttributeError) as error:
        raise CodecError(f"scenario {name}: {error}") from None


def _flag(text: Any) -> Flag:
    try:
        return Flag.named(text)
    except ValueError as error:
        raise CodecError(str(error)) from None


def _texts(data: Any, key: str, where: str) -> tuple[str, ...]:
    texts = _get(data, key, list, where)
    if not all(isinstance(text, str) for text in texts):
        raise CodecError(f"{where}: {key!r} must be texts")
    return tuple(texts)


def _integers(data: Any, key: str, where: str) -> tuple[int, ...]:
    numbers = _get(data, key, list, where)
    if not set(map(type, numbers)) <= {int}:
        raise CodecError(f"{where}: {key!r} must be whole numbers")
    return tuple(numbers)


def _get(data: Any, key: str, kind: type, where: str = "event") -> Any:
    value = data.get(key) if isinstance(data, dict) else None
    if type(value) is kind:  # so that a flag is no number
        return value
    if isinstance(data, dict) and key not in data:
        raise CodecError(f"{where} lacks {key!r}")
    raise CodecError(f"{where}: {key!r} must be a {kind.__name__}")
