"""What all scripts in C++ have in common: a main, its assertion, numbers as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from adagrad_conformance.reproducers.assertion import Assertion, Look
from adagrad_conformance.reproducers.decimals import shortest
from adagrad_conformance.reproducers.languages import CPP
from adagrad_conformance.reproducers.literals import cpp_literal, cpp_number
from adagrad_reference.boxes import Comparison
from adagrad_reference.scenario import Tensor

from .base import NotExpressible, PortSyntax

__all__ = ["Cpp", "braced"]

_COMPARISON = Comparison(
    nan="std::isnan(seen)",
    equal="seen == {lo}",
    between="{lo} <= seen && seen <= {hi}",
    either="{nan} || ({numbers})",
    number=cpp_number,
)

#: What a script includes beside its port where it uses one of these words.
_INCLUDES = {
    "cmath": ("NAN", "INFINITY", "std::isnan", "std::signbit"),
    "iostream": ("std::cerr",),
    "sstream": ("std::stringstream",),
}


class Cpp(PortSyntax):
    """A program for g++; each optimizer is a variable of its own."""

    language = CPP
    helpers: Mapping[str, str] = MappingProxyType({})
    before: tuple[str, ...] = ()  #: lines between the includes and main
    error = "std::exception"  #: what the port throws
    says = "what"  #: the method of an exception that gives its message

    def __init__(self) -> None:
        self.made = 0
        self.asserts = False

    @property
    def mine(self) -> str:
        """The variable of the optimizer that was made last."""
        return "optimizer" if self.made < 2 else f"optimizer{self.made}"

    def script(self, comments: Sequence[str], lines: Sequence[str]) -> str:
        """A main; where nothing is asserted the fault is an exception."""
        body = [f"  {line}" for line in lines]
        main = ["int main() {", *body, "}"]
        if not self.asserts:
            main = ["int main() try {", *body, *self._caught()]
        text = "\n".join(main)
        beside = [
            f"#include <{header}>"
            for header, words in _INCLUDES.items()
            if any(word in text for word in words)
        ]
        first = [*self.head, *beside, "", *self.before, "", *comments]
        return "\n".join([*first, *main]) + "\n"

    def _caught(self) -> list[str]:
        return [
            f"}} catch (const {self.error}& error) {{",
            '  std::cerr << "refused, though it is legal: ";',
            f"  std::cerr << error.{self.says}() << '\\n';",
            "  return 1;",
            "}",
        ]

    def number(self, tensor: Tensor, value: float) -> str:
        """The shortest decimal."""
        return (
            shortest(tensor.fmt, value) if math.isfinite(value) else cpp_number(value)
        )

    def scalar(self, value: float | bool) -> str:
        """A hyperparameter."""
        return cpp_number(value)

    def no_total(self, name: str) -> str:
        """The message where there is no accumulator."""
        return cpp_literal(f"{name} has no accumulator")

    def holds(self, asserted: Assertion) -> str:
        """The condition that `assertion.condition` writes in Python."""
        if asserted.still is not None:
            return f"seen != {cpp_number(asserted.still)}"
        if asserted.what is Look.COUNTER and asserted.exact not in (None, "None"):
            return f"seen == {int(asserted.exact or 0)}"
        if asserted.exact is not None:
            return _exactly(asserted.exact)
        if asserted.box is None:
            raise NotExpressible(asserted.what)
        return _COMPARISON.test(asserted.box)

    def end(self, place: str, seen: str, condition: str, words: str) -> list[str]:
        """A comparison in main."""
        before, after = cpp_literal(f"{place} = "), cpp_literal(f", due {words}")
        return [
            f"const auto seen = {seen};",
            "std::cerr.precision(17);",
            *self.unless(condition, f"{before} << seen << {after}"),
        ]

    def refused(self, lines: list[str], reason: str | None) -> list[str]:
        """A try; with a reason, that the last line returns is the fault."""
        *first, last = lines
        accepted = cpp_literal(f"accepted, though {reason}")
        self.asserts |= reason is not None
        return [
            *first,
            "try {",
            f"  {last}",
            *([f"  std::cerr << {accepted} << '\\n';"] if reason is not None else []),
            *(["  return 1;"] if reason is not None else []),
            f"}} catch (const {self.error}&) {{  // as is due",
            "}",
        ]

    def unless(self, condition: str, message: str) -> list[str]:
        """The program ends with a message where a condition does not hold."""
        self.asserts = True
        return [
            f"if (!({condition})) {{",
            f"  std::cerr << {message} << '\\n';",
            "  return 1;",
            "}",
        ]


def braced(values: Sequence[object]) -> str:
    """Names, numbers or source texts in braces."""
    return f"{{{', '.join(map(str, values))}}}"


def _exactly(text: str) -> str:
    """What equality does not tell: NaN, and zeros by their sign."""
    if text == "nan":
        return "std::isnan(seen)"
    if text not in ("0.0", "-0.0"):
        raise NotExpressible(text)
    sign = "" if text == "-0.0" else "!"
    return f"seen == 0 && {sign}std::signbit(seen)"
