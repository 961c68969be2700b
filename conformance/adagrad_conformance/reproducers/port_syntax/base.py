"""What a phrasebook must say of a port; what it leaves out raises `Unsaid`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Gradient, Sparse
from adagrad_conformance.reproducers.assertion import Assertion, condition
from adagrad_conformance.reproducers.torch_literals import listed, shortest
from adagrad_reference.scenario import Tensor

__all__ = ["Options", "Phrases", "Unsaid", "param_group"]

#: By the document's names, as Python text.
Options = Mapping[str, str]

_DTYPES = {
    "binary64": '"float64"',
    "binary32": '"float32"',
    "binary16": '"float16"',
    "bfloat16": "ml_dtypes.bfloat16",
}


def param_group(params: Sequence[str], options: Options) -> str:
    """A group as torch has it, and what follows torch."""
    named = "".join(f", {name}={value}" for name, value in options.items())
    return f"dict(params=[{', '.join(params)}]{named})"


class Unsaid(Exception):
    """There is no phrase for this."""


class Phrases:
    """Lines of Python; params are variables of their names, arrays are NumPy's.

    `options` are by the document's names, as Python text, constants left out.
    """

    suffix = ".py"  #: of the script's file
    #: The first lines: imports, and what must be set before them.
    head: tuple[str, ...] = ("import numpy as np",)

    def param(self, name: str, array: str) -> list[str]:
        """Make a param."""
        return [f"{name} = {array}"]

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """Make the optimizer over these params."""
        raise Unsaid("new")

    def groups(
        self, groups: Sequence[tuple[Sequence[str], Options]], options: Options
    ) -> list[str]:
        """Make it over groups, each with options of its own.

        A port without groups takes the options of the only one.
        """
        if len(groups) > 1:
            raise Unsaid("several groups")
        [(params, own)] = groups
        return self.new(params, {**options, **own})

    def add(self, params: Sequence[str], options: Options) -> list[str]:
        """Add a group."""
        raise Unsaid("a group added")

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """One step; a gradient for each param of the optimizer, "None" for none."""
        raise Unsaid("step")

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Write accumulator and counter of a param."""
        raise Unsaid("state")

    def option(self, option: str, value: str) -> list[str]:
        """Change an option."""
        raise Unsaid("option")

    def save(self, name: str) -> list[str]:
        """Keep the state under a name, as bytes where that is the port's way."""
        raise Unsaid("save")

    def load(self, name: str, via: str) -> list[str]:
        """Load what was kept."""
        raise Unsaid("load")

    def theta(self, name: str) -> str:
        """The param as a NumPy array."""
        return name

    def total(self, name: str) -> str:
        """Its accumulator as a NumPy array."""
        raise Unsaid("accumulator")

    def count(self, name: str) -> str:
        """Its step counter."""
        raise Unsaid("counter")

    def held(self, name: str) -> str:
        """The gradient that it holds, as a NumPy array."""
        raise Unsaid("gradient")

    def sparse(self, gradient: Sparse) -> str:
        """A sparse gradient."""
        raise Unsaid("sparse")

    # -- what is the same for all ports in Python -------------------------------------

    def gradient(self, gradient: Gradient) -> str:
        """A gradient as text."""
        if isinstance(gradient, Sparse):
            return self.sparse(gradient)
        return "None" if gradient is None else self.array(gradient)

    def array(self, tensor: Tensor) -> str:
        """A tensor as text; the decimals give its very bits."""
        if tensor.complex or tensor.layout is not None:
            raise Unsaid("complex params and layouts")
        numbers = [self.number(tensor, value) for value in tensor.values()]
        text = f"np.array({listed(numbers)}, {_DTYPES[tensor.format]})"
        plain = tensor.shape == (len(numbers),)
        return text if plain else f"{text}.reshape({tensor.shape})"

    def number(self, tensor: Tensor, value: float) -> str:
        """One number of a tensor."""
        if math.isfinite(value):
            return shortest(tensor.fmt, value)
        return f'float("{value!r}")'

    def element(self, array: str, number: int) -> str:
        """One number of an array, in row-major order."""
        return f"float({array}.ravel()[{number}])"

    def has_total(self, name: str) -> list[str]:
        """The assertion that there is an accumulator."""
        return [
            f"seen = {self.total(name)}",
            f'assert seen is not None, "{name} has no accumulator"',
        ]

    def holds(self, due: Assertion) -> str:
        """The condition that what is called `seen` must meet."""
        return condition(due)

    def end(self, place: str, seen: str, condition: str, words: str) -> list[str]:
        """The assertion on what is seen; `condition` is one on the name `seen`."""
        return [
            f"seen = {seen}",
            f'assert {condition}, f"{place} = {{seen}}, due {words}"',
        ]

    def refused(self, lines: list[str], due: str | None) -> list[str]:
        """Lines of which the last must be refused; `due` says why, where it is not."""
        *first, last = lines
        done = f"raise SystemExit({f'accepted, though {due}'!r})" if due else "pass"
        return [
            *first,
            f"try: {last}",
            "except Exception as error: print('refused, as is due:', error)",
            f"else: {done}",
        ]

    def script(self, head: list[str], lines: list[str]) -> str:
        """The whole text."""
        return "\n".join([*head, *lines]) + "\n"
