"""Names that a base of adapters holds for itself, where an author takes them.

What `begin` of a base sets (params, optimizers, saves, ...) is read by its other
methods.  A subclass that gives such a name another meaning breaks all of them, far from
the line that did it; so the line is named before anything is played.
"""

from __future__ import annotations

import ast
import inspect
import os
import textwrap
from collections.abc import Iterator

import adagrad_conformance
from adagrad_conformance.adapters.base import Adapter

__all__ = ["shadowed"]

_SUITE = os.path.dirname(os.path.abspath(adagrad_conformance.__file__))


def shadowed(adapter: Adapter) -> str | None:
    """The first line of an author's class that takes a name of its base, or None."""
    bases = [cls for cls in type(adapter).__mro__ if issubclass(cls, Adapter)]
    own = [cls for cls in bases if not _file(cls).startswith(_SUITE)]
    kept = {
        name: cls.__name__
        for cls in reversed(bases)
        if cls not in own
        for name in _set_by_begin(cls)
    }
    for cls in own:
        for name, line in _taken(cls, set(kept)):
            where = f"{os.path.basename(_file(cls))}, line {line}"
            return f"{where}: {name} is {kept[name]}'s own; give yours another name"
    return None


def _file(cls: type) -> str:
    try:
        return os.path.abspath(inspect.getfile(cls))
    except (TypeError, OSError):
        return ""


def _class(cls: type) -> tuple[ast.ClassDef | None, int]:
    """The syntax of a class, and the number of lines before it."""
    try:
        lines, first = inspect.getsourcelines(cls)
        (tree,) = ast.parse(textwrap.dedent("".join(lines))).body
    except (TypeError, OSError, SyntaxError, ValueError):
        return None, 0
    return (tree if isinstance(tree, ast.ClassDef) else None), first - 1


def _set_by_begin(cls: type) -> set[str]:
    tree, _ = _class(cls)
    begins = (
        node
        for node in (tree.body if tree else ())
        if isinstance(node, ast.FunctionDef) and node.name == "begin"
    )
    return {name for begin in begins for name, _, _ in _assigned(begin)}


def _taken(cls: type, names: set[str]) -> Iterator[tuple[str, int]]:
    """Names of the base that a class gives another meaning, and the lines."""
    tree, before = _class(cls)
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef):
            if node.name in names:
                yield node.name, before + node.lineno
            if node.name == "begin":
                continue
            for name, line, value in _assigned(node):
                text = ast.unparse(value)
                builds_on_it = f"self.{name}" in text or repr(name) in text
                if name in names and not builds_on_it:
                    yield name, before + line
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and target.id in names:
                    yield target.id, before + node.lineno


def _assigned(function: ast.FunctionDef) -> Iterator[tuple[str, int, ast.expr]]:
    """Names of attributes of self that are set, with line and value."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                for part in ast.walk(target):
                    if (
                        isinstance(part, ast.Attribute)
                        and isinstance(part.ctx, ast.Store)
                        and isinstance(part.value, ast.Name)
                        and part.value.id == "self"
                    ):
                        yield part.attr, node.lineno, node.value
