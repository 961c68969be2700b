"""What the syntax of a port must hold; what it leaves out raises `NotExpressible`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Gradient, Sparse
from adagrad_conformance.reproducers.assertion import Assertion, condition
from adagrad_conformance.reproducers.decimals import listed, shortest
from adagrad_conformance.reproducers.languages import PYTHON, ScriptLanguage
from adagrad_conformance.reproducers.literals import python_literal, python_message
from adagrad_reference.scenario import Tensor

__all__ = ["NotExpressible", "Options", "PortSyntax", "keywords", "param_group"]

#: Values by the document's names, as source text.
Options = Mapping[str, str]

_DTYPES = {
    "binary64": '"float64"',
    "binary32": '"float32"',
    "binary16": '"float16"',
    "bfloat16": "ml_dtypes.bfloat16",
}


def keywords(options: Options, names: Mapping[str, str] | None = None) -> list[str]:
    """Keyword arguments; `names` are the port's, where they are not the document's."""
    names = names or {}
    return [f"{names.get(name, name)}={value}" for name, value in options.items()]


def param_group(params: Sequence[str], options: Options) -> str:
    """A group as torch has it, and what follows torch."""
    listed_params = f"params=[{', '.join(params)}]"
    return f"dict({', '.join([listed_params, *keywords(options)])})"


class NotExpressible(Exception):
    """The port has no syntax for an event or an observation."""


class PortSyntax:
    """Lines of Python; params are variables of their names, arrays are NumPy's.

    All names are those of `names.py`.  `options` are source text by the document's
    names, without the port's constants.
    """

    language: ScriptLanguage = PYTHON
    #: The first lines: imports, and what must be set before them.
    head: tuple[str, ...] = ("import numpy as np",)
    #: Word -> a further first line, for scripts that use the word.
    helpers: Mapping[str, str] = {"ml_dtypes": "import ml_dtypes"}
    #: Names that a param cannot have, for the script binds them.
    taken: frozenset[str] = frozenset()

    def param(self, name: str, array: str) -> list[str]:
        """Make a param."""
        return [f"{name} = {array}"]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """Make the optimizer over these params."""
        raise NotExpressible("new")

    def groups(
        self, groups: Sequence[tuple[Sequence[str], Options]], options: Options
    ) -> list[str]:
        """Make it over groups, each with options of its own.

        A port without groups takes the options of the only one.
        """
        if len(groups) > 1:
            raise NotExpressible("several groups")
        [(params, own)] = groups
        return self.new(params, {**options, **own})

    def add(self, params: Sequence[str], options: Options) -> list[str]:
        """Add a group."""
        raise NotExpressible("a group added")

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """Take one step; a gradient for each param of the optimizer, or "None"."""
        raise NotExpressible("step")

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Write accumulator and counter of a param."""
        raise NotExpressible("state")

    def option(self, option: str, value: str) -> list[str]:
        """Change an option."""
        raise NotExpressible("option")

    def save(self, name: str) -> list[str]:
        """Keep the state under a name, as bytes where that is the port's way."""
        raise NotExpressible("save")

    def load(self, name: str, via: str) -> list[str]:
        """Load the state that was kept."""
        raise NotExpressible("load")

    def theta(self, name: str) -> str:
        """The param as a NumPy array."""
        return name

    def total(self, name: str) -> str:
        """The accumulator of a param as a NumPy array."""
        raise NotExpressible("accumulator")

    def count(self, name: str) -> str:
        """The step counter of a param."""
        raise NotExpressible("counter")

    def held(self, name: str) -> str:
        """The gradient that a param holds, as a NumPy array."""
        raise NotExpressible("gradient")

    def sparse(self, gradient: Sparse) -> str:
        """A sparse gradient."""
        raise NotExpressible("sparse")

    # -- what is the same for all ports of a language ---------------------------------

    def gradient(self, gradient: Gradient) -> str:
        """A gradient as source text."""
        if isinstance(gradient, Sparse):
            return self.sparse(gradient)
        return "None" if gradient is None else self.array(gradient)

    def array(self, tensor: Tensor) -> str:
        """A tensor as source text; the decimals give its very bits."""
        if tensor.complex or tensor.layout is not None:
            raise NotExpressible("complex params and layouts")
        numbers = [self.number(tensor, value) for value in tensor.values()]
        text = f"np.array({listed(numbers)}, {_DTYPES[tensor.format]})"
        plain = tensor.shape == (len(numbers),)
        return text if plain else f"{text}.reshape({python_literal(tensor.shape)})"

    def number(self, tensor: Tensor, value: float) -> str:
        """One number of a tensor."""
        if math.isfinite(value):
            return shortest(tensor.fmt, value)
        return self.scalar(value)

    def scalar(self, value: float | bool) -> str:
        """A hyperparameter."""
        return python_literal(value)

    def element(self, array: str, number: int) -> str:
        """One number of an array, in row-major order."""
        return f"float({array}.ravel()[{python_literal(number)}])"

    def has_total(self, name: str) -> list[str]:
        """The assertion that there is an accumulator."""
        return [
            f"seen = {self.total(name)}",
            f"assert seen is not None, {self.no_total(name)}",
        ]

    def no_total(self, name: str) -> str:
        """The message where there is no accumulator."""
        return python_literal(f"{name} has no accumulator")

    def holds(self, asserted: Assertion) -> str:
        """The condition on the variable `seen`."""
        return condition(asserted)

    def end(self, place: str, seen: str, condition: str, words: str) -> list[str]:
        """The assertion that `seen` meets a condition, which `words` describe."""
        message = python_message(f"{place} = ", f", due {words}")
        return [f"seen = {seen}", f"assert {condition}, {message}"]

    def refused(self, lines: list[str], reason: str | None) -> list[str]:
        """Lines of which the last must be refused; with a reason this is asserted."""
        *first, last = lines
        tried = [*first, f"try: {last}"]
        if last.startswith(" "):  # the end of a block
            tried = ["try:", *(f"    {line}" for line in lines)]
        accepted = python_literal(f"accepted, though {reason}")
        return [
            *tried,
            "except Exception as error: print('refused, as is due:', error)",
            f"else: {'pass' if reason is None else f'raise SystemExit({accepted})'}",
        ]

    def script(self, comments: Sequence[str], lines: Sequence[str]) -> str:
        """The whole text."""
        return "\n".join([*self.first_lines(lines), *comments, *lines]) + "\n"

    def first_lines(self, lines: Sequence[str]) -> list[str]:
        """The head, and those helpers whose word stands in a line."""
        text = "\n".join(lines)
        used = [
            line
            for word, line in self.helpers.items()
            if re.search(rf"\b{word}\b", text)
        ]
        return [*self.head, *used]
