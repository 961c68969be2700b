"""What an adapter in Python hands on to its port: a look from inside, in its process.

`handed_on` watches the calls by which the adapter makes, changes and steps the port,
and looks into the port afterwards.  It answers whose doing it is where an option
reaches the update rounded, or not at all.  It is asked only where that was seen from
outside (doctor/harness.py), so that a right port is never watched.

A frame is the adapter's where its file is the suite's, or holds a class of the adapter,
unless it is a method of another class; what NumPy and the standard library do is
nobody's; everything else is the port's.
"""

from __future__ import annotations

import inspect
import os
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from types import FrameType, MappingProxyType
from typing import Any

import adagrad_conformance
from adagrad_conformance.adapters.base import Adapter
from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Event, Group, New, SetOption, Step, Tensor

__all__ = [
    "ASKED",
    "HANDED_ON",
    "LATER",
    "MISSING",
    "OPTIONS",
    "PLACE",
    "SHOWS_GRADIENTS",
    "handed_on",
    "place_of",
]

#: `HANDED_ON + "lr"` asks for lr, `HANDED_ON + "set/lr"` for lr as it is changed later.
HANDED_ON = "handed-on/"

#: `PLACE + "write,set_state"` asks where the first of the methods stands that is not
#: the base's.
PLACE = "place/"

#: Words of an answer about an option that is left out.
MISSING = "is missing"

#: Asks whether a read shows a gradient that was given, before any step.
SHOWS_GRADIENTS = "shows-gradients/"

#: Values with all digits of binary64, so that none arrives rounded unseen.
OPTIONS: Mapping[str, float | bool] = MappingProxyType(
    {
        "lr": 0.7123456789012345,
        "lr_decay": 0.2912345678901234,
        "weight_decay": 0.1512345678901234,
        "initial_accumulator_value": 0.6212345678901234,
        "eps": 0.3323456789012345,
        "maximize": True,
    }
)

#: The values to which options are changed.
LATER: Mapping[str, float | bool] = MappingProxyType(
    {
        "lr": 0.4234567890123457,
        "lr_decay": 0.8534567890123457,
        "weight_decay": 0.2534567890123457,
        "eps": 0.9434567890123457,
        "maximize": False,
    }
)

#: A number that near is the option, rounded; the values above lie farther apart.
_NEAR = 0.01
_DEPTH = 5
_SUITE = os.path.dirname(os.path.abspath(adagrad_conformance.__file__))
_STANDARD = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib") if name)


class _Watch:
    """The numbers in the arguments of calls from the adapter into the port."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.seen: list[tuple[float, str]] = []  #: number and line, in order
        self.chosen: list[tuple[float, str]] = []  #: those while the option was chosen
        self.files = _files_of(adapter)

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """A function for `sys.setprofile`."""
        caller = frame.f_back
        if event != "call" or caller is None or not self._is_port(frame):
            return
        if not self._is_adapter(caller):
            return
        line = self._line(caller)
        for name, value in list(frame.f_locals.items()):
            if name == "self":  # what it holds was given before
                continue
            self.seen += [(number, line) for number in _numbers(value, _DEPTH)]

    def _line(self, caller: FrameType) -> str:
        """The author's own line that has led to a call, else that of the suite."""
        frame: FrameType | None = caller
        while frame is not None and self._is_adapter(frame):
            file = frame.f_code.co_filename
            if not os.path.abspath(file).startswith(_SUITE):
                return f"{_short(file)}, line {frame.f_lineno}"
            frame = frame.f_back
        return f"{_short(caller.f_code.co_filename)}, line {caller.f_lineno}"

    def _is_adapter(self, frame: FrameType) -> bool:
        file = os.path.abspath(frame.f_code.co_filename)
        if file.startswith(_SUITE):
            own = f"{os.sep}own{os.sep}" in file
            return not own or file.endswith("_adapter.py")
        if file not in self.files:
            return False
        first = frame.f_locals.get("self", self.adapter)
        return isinstance(first, Adapter)

    def _is_port(self, frame: FrameType) -> bool:
        file = frame.f_code.co_filename
        packages = "site-packages" in file or "dist-packages" in file
        if not packages and file.startswith(_STANDARD):
            return False
        if f"{os.sep}numpy{os.sep}" in file or file.startswith("<frozen"):
            return False
        return not self._is_adapter(frame)


def handed_on(adapter: Adapter, what: str) -> NativeAnswer:
    """Whether the option was handed to the port.

    `problem` says where the adapter does wrong; `skipped` is set where the port was
    handed the option as it was given.  Neither: it cannot be seen.
    """
    later, _, option = what.rpartition("/")
    if option == "maximize":  # True stands for too much to be looked for
        return NativeAnswer()
    wanted = float((LATER if later else OPTIONS)[option])
    watch = _Watch(adapter)
    held = _play(adapter, option if later else "", watch)
    if found := _rounded(watch, wanted):
        number, line = found
        return NativeAnswer(f"look at {line}, which hands on {abs(number)!r}")
    if wanted in held or any(abs(number) == wanted for number, _ in watch.seen):
        return NativeAnswer(skipped="handed on as it was given")
    changing = place_of(adapter, "set_one,set_in_group,set_option")
    if any(_is_near(number, wanted) for number in held):
        making = place_of(adapter, "make,make_groups,make_optimizer,new")
        where = changing if later else making
        return NativeAnswer(f"look at {where}" if where else None)
    if later:
        kept = float(OPTIONS[option]) in held and changing
        return NativeAnswer(f"look at {changing}" if kept else None)
    others = {float(value) for name, value in OPTIONS.items() if name != option}
    along = [line for number, line in watch.seen if abs(number) in others - {1.0}]
    if not along:
        return NativeAnswer()
    return NativeAnswer(f"look at {along[0]}, where {option} {MISSING}")


def _rounded(watch: _Watch, wanted: float) -> tuple[float, str] | None:
    """The first number near the option that the adapter hands on, and the line.

    What a port was handed exactly it may round, and give back to be handed on later.
    """
    for number, line in watch.seen:
        if abs(number) == wanted:
            break
        if _is_near(number, wanted):
            return number, line
    chosen = (each for each in watch.chosen if _is_near(each[0], wanted))
    return next(chosen, None)


def _is_near(number: float, wanted: float) -> bool:
    return 0 < abs(abs(number) - wanted) <= _NEAR * wanted


def _play(adapter: Adapter, changed: str, watch: _Watch) -> frozenset[float]:
    """Make, step, change and step the port; what the port holds once it is chosen."""
    claims, constants = adapter.claims, adapter.constants
    fmt = next(fmt for name, fmt in FORMATS.items() if name in claims)

    def tensor(*values: float) -> Tensor:
        return Tensor(fmt.name, (3,), tuple(fmt.encode(x) for x in values))

    options = {
        name: value
        for name, value in OPTIONS.items()
        if (name == "lr" or name.replace("_", "-") in claims) and name not in constants
    }
    options.pop("maximize", None)
    events: list[Event] = [New("A", (Group(("p",)),), options)]
    gradients = {"p": tensor(0.5, -0.25, 1.0)}
    events.append(Step("A", gradients))
    if changed:
        events.append(SetOption("A", 0, changed, LATER[changed]))
        events.append(Step("A", gradients))
    adapter.begin({"p": tensor(1.5, -2.0, 0.25)})
    before, held = sys.getprofile(), frozenset[float]()
    chooses = SetOption if changed else New
    for event in events:
        chosen = isinstance(event, chooses)
        if chosen or watch.seen or not changed:
            sys.setprofile(watch)
        try:
            adapter.perform(event)
        finally:
            sys.setprofile(before)
        if chosen:
            watch.chosen, held = list(watch.seen), frozenset(_held(adapter))
    return held


def _held(adapter: Adapter) -> Iterator[float]:
    """The numbers in whatever the adapter holds that is not its own or plain data."""
    seen: set[int] = set()

    def walk(thing: Any, depth: int, inside: bool) -> Iterator[float]:
        if depth < 0 or id(thing) in seen:
            return
        number = _number(thing)
        if number is not None:
            if inside:
                yield number
            return
        seen.add(id(thing))
        if isinstance(thing, Mapping):
            parts = list(thing.values())
        elif isinstance(thing, list | tuple | set | frozenset):
            parts = list(thing)[:100]
        elif callable(thing) or inspect.ismodule(thing):
            return
        else:
            parts = list(getattr(thing, "__dict__", {}).values())
            inside = inside or not type(thing).__module__.startswith(
                ("adagrad_conformance", "adagrad_reference", "builtins", "numpy")
            )
        for part in parts:
            yield from walk(part, depth - 1, inside)

    for part in list(vars(adapter).values()):
        yield from walk(part, _DEPTH + 2, False)


def _numbers(value: Any, depth: int) -> Iterator[float]:
    """The numbers in an argument: itself, or in dicts and lists."""
    number = _number(value)
    if number is not None:
        yield number
    elif depth and isinstance(value, Mapping):
        for part in list(value.values()):
            yield from _numbers(part, depth - 1)
    elif depth and isinstance(value, list | tuple):
        for part in value[:20]:
            yield from _numbers(part, depth - 1)


def _number(value: Any) -> float | None:
    """The value of a number, or of an array of no dimension."""
    if isinstance(value, bool | str | bytes) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    if getattr(value, "shape", None) != () and not hasattr(value, "numerator"):
        return None
    try:
        return float(value)
    except Exception:
        return None


def _files_of(adapter: Adapter) -> frozenset[str]:
    """The files of the classes of an adapter, and of what makes its port."""
    things: list[Any] = [c for c in type(adapter).__mro__ if issubclass(c, Adapter)]
    factory = getattr(adapter, "factory", None)
    things += [factory] if inspect.isfunction(factory) else []
    found = set()
    for thing in things:
        try:
            found.add(os.path.abspath(inspect.getfile(thing)))
        except (TypeError, OSError):
            continue
    return frozenset(found)


def place_of(adapter: Adapter, methods: str) -> str | None:
    """Where a method of the adapter stands: the first that is not the suite's own."""
    for name in methods.split(","):
        method = inspect.unwrap(getattr(type(adapter), name, len))
        code = getattr(method, "__code__", None)
        if code and not os.path.abspath(code.co_filename).startswith(_SUITE):
            file, line = _short(code.co_filename), code.co_firstlineno
            return f"{name} in {file}, line {line}"
    return None


def _short(file: str) -> str:
    return os.path.basename(file)


def _shows_gradients(adapter: Adapter, what: str) -> NativeAnswer:
    del what
    fmt = next(fmt for name, fmt in FORMATS.items() if name in adapter.claims)
    tensor = Tensor(fmt.name, (3,), tuple(map(fmt.encode, (0.5, -0.25, 1.0))))
    adapter.begin({"p": tensor})
    options = {"lr": OPTIONS["lr"]} if "lr" not in adapter.constants else {}
    adapter.perform(New("A", (Group(("p",)),), options))
    adapter.set_gradient("p", tensor)
    shown = adapter.read("A")["p"].gradient is not None
    return NativeAnswer(skipped="shown" if shown else None)


#: What the prefix of a name asks for.
ASKED: Mapping[str, Callable[[Adapter, str], NativeAnswer]] = MappingProxyType(
    {
        HANDED_ON: handed_on,
        SHOWS_GRADIENTS: _shows_gradients,
        PLACE: lambda adapter, methods: NativeAnswer(place_of(adapter, methods)),
    }
)
