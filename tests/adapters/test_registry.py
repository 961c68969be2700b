"""The registry is the only table of ports; it equals the folders, both ways."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

from adagrad_conformance import adapters
from adagrad_conformance.adapters import published
from adagrad_conformance.adapters.environment_table import ENVIRONMENTS
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.reproducers import port_syntax
from adagrad_conformance.reproducers.languages import CPP, JAVASCRIPT, PYTHON
from adagrad_conformance.reproducers.port_syntax import PortSyntax, syntax_of
from adagrad_conformance.reproducers.torch_script import (
    TorchConstructor,
    constructors,
    torch_constructor,
)

ADAPTERS = Path(adapters.__file__).parent


def modules(package):
    return [found.name for found in pkgutil.iter_modules(package.__path__)]


@pytest.mark.parametrize("name", PORTS)
def test_a_row_has_one_adapter_and_at_most_one_way_to_write_scripts(name):
    port = PORTS[name]
    assert bool(port.place) != bool(port.program)
    assert not (port.syntax and port.torch)
    assert not port.program or port.environment
    assert not port.torch or port.place
    syntax = syntax_of(name)
    if syntax is not None:
        node = port.program[:1] == ("node",)
        wanted = JAVASCRIPT if node else CPP if port.program else PYTHON
        assert syntax.language is wanted


def test_environments_are_those_that_rows_name():
    named = {port.environment for port in PORTS.values()} - {""}
    parents = {each.parent.name for each in ENVIRONMENTS.values() if each.parent}
    assert named | parents == set(ENVIRONMENTS)


def test_every_published_adapter_has_a_row():
    named = {port.place.partition(":")[0] for port in PORTS.values()}
    files = {f"{published.__name__}.{module}" for module in modules(published)}
    assert files == {name for name in named if name.startswith(published.__name__)}


def test_every_adapter_in_another_language_has_a_row():
    files = {path.name: path.read_text() for path in ADAPTERS.rglob("*.mjs")}
    shared = {name for name in files for text in files.values() if f"./{name}" in text}
    words = {Path(word).name for port in PORTS.values() for word in port.program}
    assert set(files) - shared == {word for word in words if word.endswith(".mjs")}
    assert shared
    sources = {Path(e.program).name for e in ENVIRONMENTS.values() if e.program}
    assert {path.name for path in ADAPTERS.rglob("*.cpp")} <= sources


def syntaxes():
    """ "file:class" of each class that is no base of another one."""
    for module in modules(port_syntax):
        found = importlib.import_module(f"{port_syntax.__name__}.{module}")
        for name in found.__all__:
            thing = getattr(found, name)
            if inspect.isclass(thing) and issubclass(thing, PortSyntax):
                yield module, name, thing


def test_every_syntax_has_a_row_or_is_a_base():
    named = {port.syntax for port in PORTS.values()} - {""}
    known = {f"{module}:{name}": thing for module, name, thing in syntaxes()}
    assert named <= set(known)
    bases = {base for thing in known.values() for base in thing.__mro__[1:]}
    alone = {place for place, thing in known.items() if thing not in bases}
    assert alone <= named
    ports = {module for module in modules(port_syntax) if module.endswith("_port")}
    assert ports == {place.partition(":")[0] for place in named}


def test_every_constructor_has_a_row():
    named = {port.torch for port in PORTS.values()} - {""}
    assert named == {
        name
        for name in constructors.__all__
        if isinstance(getattr(constructors, name), TorchConstructor)
    }
    for name, port in PORTS.items():
        assert (torch_constructor(name) is not None) == bool(port.torch)
