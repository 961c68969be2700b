"""What all scripts for node have in common: typed arrays, assertions, numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from adagrad_conformance.reproducers.assertion import Assertion, Look
from adagrad_conformance.reproducers.decimals import shortest
from adagrad_conformance.reproducers.languages import JAVASCRIPT
from adagrad_conformance.reproducers.literals import js_literal, js_number
from adagrad_reference.boxes import Comparison
from adagrad_reference.scenario import Tensor

from .base import NotExpressible, Options, PortSyntax

__all__ = ["ASSERT", "JavaScript", "given", "object_of"]

_COMPARISON = Comparison(
    nan="Number.isNaN(seen)",
    equal="seen === {lo}",
    between="{lo} <= seen && seen <= {hi}",
    either="{nan} || ({numbers})",
    number=js_number,
)

#: The first line of all scripts, behind how the port is installed.
ASSERT = 'import assert from "node:assert/strict";'
_ARRAYS = {"binary64": "Float64Array", "binary32": "Float32Array"}


class JavaScript(PortSyntax):
    """Arrays are typed arrays; a param is its own array.

    Optimizers are declared by `var`, for a scenario may make one of that name again.
    """

    language = JAVASCRIPT
    helpers: Mapping[str, str] = MappingProxyType({})

    def __init__(self) -> None:
        self.params: tuple[str, ...] = ()

    def param(self, name: str, array: str) -> list[str]:
        """A constant."""
        return [f"const {name} = {array};"]

    def array(self, tensor: Tensor) -> str:
        """A typed array."""
        if tensor.complex or tensor.layout is not None or tensor.format not in _ARRAYS:
            raise NotExpressible("complex params, layouts and formats of 16 bits")
        kind = _ARRAYS[tensor.format]
        numbers = [self.number(tensor, value) for value in tensor.values()]
        if len(numbers) > 8 and len(set(numbers)) == 1:
            return f"new {kind}({len(numbers)}).fill({numbers[0]})"
        return f"{kind}.of({', '.join(numbers)})"

    def number(self, tensor: Tensor, value: float) -> str:
        """The shortest decimal."""
        return shortest(tensor.fmt, value) if math.isfinite(value) else js_number(value)

    def scalar(self, value: float | bool) -> str:
        """A hyperparameter."""
        return js_number(value)

    def element(self, array: str, number: int) -> str:
        """An element by its index."""
        return f"{array}[{int(number)}]"

    def has_total(self, name: str) -> list[str]:
        """Left out: reading an absent accumulator is a TypeError."""
        raise NotExpressible("no accumulator")

    def holds(self, asserted: Assertion) -> str:
        """The condition that `assertion.condition` writes in Python."""
        if asserted.still is not None:
            return f"seen !== {js_number(asserted.still)}"
        if asserted.what is Look.COUNTER:
            none = asserted.exact in (None, "None")
            return f"seen === {'null' if none else int(asserted.exact or 0)}"
        if asserted.exact is not None:
            return f"Object.is(seen, {js_number(float(asserted.exact))})"
        assert asserted.box is not None
        return _COMPARISON.test(asserted.box)

    def end(self, place: str, seen: str, condition: str, words: str) -> list[str]:
        """An assertion by assert.ok."""
        message = f"{js_literal(f'{place} = ')} + seen + {js_literal(f', due {words}')}"
        return [f"const seen = {seen};", f"assert.ok({condition}, {message});"]

    def refused(self, lines: list[str], reason: str | None) -> list[str]:
        """An assertion by assert.throws, whose message is the reason."""
        *first, last = lines
        accepted = js_literal(f"accepted, though {reason}")
        message = "" if reason is None else f", {accepted}"
        return [*first, f"assert.throws(() => {{ {last} }}{message});"]

    def only_param(self) -> None:
        """Raises `NotExpressible` where the optimizer has several params."""
        if len(self.params) != 1:
            raise NotExpressible("state of several params")


def object_of(values: Options) -> str:
    """An object with these fields."""
    listed = ", ".join(f"{name}: {value}" for name, value in values.items())
    return f"{{ {listed} }}" if values else "{}"


def given(gradients: Mapping[str, str]) -> dict[str, str]:
    """The gradients that are not None."""
    return {name: text for name, text in gradients.items() if text != "None"}
