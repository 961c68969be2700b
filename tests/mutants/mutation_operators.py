"""What mutation operators make of a source text: cosmic-ray's, and three of our own.

Cosmic-ray changes operators, numbers, comparisons, loops, exceptions.  What NumPy and
torch calculate by calls of functions is changed by `SwapCalls`; `DeleteStatement` and
`DropArgument` leave something out.
"""

from __future__ import annotations

import ast
import difflib
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["HOW_TO_INSTALL", "Mutation", "mutations"]

HOW_TO_INSTALL = "cosmic-ray is missing: pip install cosmic-ray==8.7.0"

try:
    import parso
    from cosmic_ray import plugins
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.operators.operator import Operator
except ImportError:
    Operator = object

#: Names of functions and methods that are taken for each other.
SWAPPED = {
    "add": "subtract",
    "subtract": "add",
    "multiply": "divide",
    "divide": "multiply",
    "sqrt": "square",
    "negative": "positive",
    "add_": "sub_",
    "addcmul_": "addcdiv_",
    "addcdiv_": "addcmul_",
    "_foreach_neg": "_foreach_abs",
    "_foreach_add": "_foreach_sub",
    "_foreach_add_": "_foreach_sub_",
    "_foreach_sqrt": "_foreach_exp",
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "real": "imag",
    "imag": "real",
    "float32": "float64",
    "full_like": "zeros_like",
    "deepcopy": "dict",
    "copy": "view",
    "append": "index",
    "update": "setdefault",
}


@dataclass(frozen=True)
class Mutation:
    """One change of one module: the operator, the lines before and after it."""

    module: str
    operator: str
    before: str
    after: str
    source: str

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by; a line that stands twice is the same twice."""
        return self.module, self.before, self.after


class SwapCalls(Operator):  # type: ignore[misc, valid-type]
    """A function or attribute taken for another."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Every name that has another one to be swapped with."""
        if node.type == "name" and node.value in SWAPPED:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """The other name."""
        node.value = SWAPPED[node.value]
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """None are needed here."""
        return ()


class DeleteStatement(Operator):  # type: ignore[misc, valid-type]
    """A statement left out."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Every simple statement but docstrings."""
        if node.type == "simple_stmt" and node.children[0].type != "string":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """`pass` in its place."""
        new = parso.parse("pass\n").children[0]
        new.get_first_leaf().prefix = node.get_first_leaf().prefix
        return new

    @classmethod
    def examples(cls) -> tuple[()]:
        """None are needed here."""
        return ()


class DropArgument(Operator):  # type: ignore[misc, valid-type]
    """The last argument of a call left out."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Every list of at least two arguments."""
        if node.type == "arglist" and len(node.children) >= 3:
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Without the last argument, and a comma behind it."""
        del node.children[-3 if node.children[-1] == "," else -2 :]
        return node

    @classmethod
    def examples(cls) -> tuple[()]:
        """None are needed here."""
        return ()


@functools.cache
def _operators() -> tuple[tuple[str, Any], ...]:
    try:
        names = list(plugins.operator_names())
    except NameError:
        sys.exit(HOW_TO_INSTALL)
    made = []
    for name in names:
        operator = plugins.get_operator(name)
        if not operator.arguments():  # those need names of variables
            made.append((name.removeprefix("core/"), operator()))
    own = (SwapCalls, DeleteStatement, DropArgument)
    return (*made, *((operator.__name__, operator()) for operator in own))


def mutations(module: str, source: str, operator: str = "") -> Iterator[Mutation]:
    """Every change of a module's text, once, by the operators of that name or all.

    What only changes annotations, which are never evaluated, is left out.
    """
    seen = {_meaning(source)}
    for name, made in _operators():
        if not name.startswith(operator):
            continue
        for changed in _changed(source, made):
            meaning = _meaning(changed)
            if meaning is not None and meaning not in seen:
                seen.add(meaning)
                before, after = _lines(source, changed)
                yield Mutation(module, name, before, after, changed)


def _changed(source: str, operator: Any) -> Iterator[str]:
    occurrence = 0
    while (changed := mutate_code(source, operator, occurrence)) is not None:
        yield changed
        occurrence += 1


def _meaning(source: str) -> str | None:
    """The program without its annotations; None if it is none."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


def _lines(source: str, changed: str) -> tuple[str, str]:
    """The lines that differ, without their indentation."""
    differ = difflib.ndiff(source.splitlines(), changed.splitlines())
    lines = [line for line in differ if line[0] in "-+"]
    return (
        " ".join(line[2:].strip() for line in lines if line[0] == "-"),
        " ".join(line[2:].strip() for line in lines if line[0] == "+"),
    )
