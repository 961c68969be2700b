"""What all scripts in C++ have in common: a main, its assertion, numbers as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from adagrad_conformance.reproducers.assertion import Assertion
from adagrad_conformance.reproducers.torch_literals import shortest
from adagrad_reference.scenario import Tensor

from .base import Phrases, Unsaid

__all__ = ["Cpp", "braced", "literal"]

#: What a script includes beside its port where it says one of these words.
_INCLUDES = {
    "cmath": ("NAN", "INFINITY", "std::isnan", "std::signbit"),
    "iostream": ("std::cerr",),
    "sstream": ("std::stringstream",),
}


class Cpp(Phrases):
    """A program for g++; each optimizer is a variable of its own."""

    suffix = ".cpp"
    before: tuple[str, ...] = ()  #: lines between what is included and main
    error = "std::exception"  #: what the port throws
    says = "what"  #: the method by which it tells why

    def __init__(self) -> None:
        self.made = 0
        self.asserts = False

    @property
    def _mine(self) -> str:
        return "optimizer" if self.made < 2 else f"optimizer{self.made}"

    def script(self, head: list[str], lines: list[str]) -> str:
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
        return super().script([*head, *beside, "", *self.before, ""], main)

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
        return shortest(tensor.fmt, value) if math.isfinite(value) else _text(value)

    def holds(self, due: Assertion) -> str:
        """As `due.condition` has it in Python."""
        if due.still is not None:
            return f"seen != {_text(due.still)}"
        if due.what == "t" and due.exact != "None":
            return f"seen == {due.exact}"
        if due.exact is not None:
            return _exactly(due.exact)
        if due.box is None:
            raise Unsaid(due.what)
        lo, hi, nan = due.box
        if lo > hi:
            return "std::isnan(seen)"
        span = f"{_text(lo)} <= seen && seen <= {_text(hi)}"
        if lo == hi:
            span = f"seen == {_text(lo)}"
        return f"std::isnan(seen) || ({span})" if nan else span

    def end(self, place: str, seen: str, condition: str, words: str) -> list[str]:
        """A comparison in main."""
        told = f'"{place} = " << seen << ", due {words}"'
        return [
            f"const auto seen = {seen};",
            "std::cerr.precision(17);",
            *self._unless(condition, told),
        ]

    def refused(self, lines: list[str], due: str | None) -> list[str]:
        """try, and to have come further is the fault."""
        *first, last = lines
        tried = [
            *first,
            "try {",
            f"  {last}",
            *([f'  std::cerr << "accepted, though {due}\\n";'] if due else []),
            *(["  return 1;"] if due else []),
            f"}} catch (const {self.error}&) {{  // as is due",
            "}",
        ]
        self.asserts |= due is not None
        return tried

    def _unless(self, condition: str, told: str) -> list[str]:
        self.asserts = True
        return [
            f"if (!({condition})) {{",
            f"  std::cerr << {told} << '\\n';",
            "  return 1;",
            "}",
        ]


def braced(values: Sequence[object]) -> str:
    """Values in braces."""
    return f"{{{', '.join(map(str, values))}}}"


def literal(value: str) -> str:
    """A number or a truth value, from Python."""
    if value in ("True", "False"):
        return value.lower()
    return _text(float(value.removeprefix('float("').removesuffix('")')))


def _text(value: float) -> str:
    if math.isnan(value):
        return "NAN"
    return repr(value) if math.isfinite(value) else f"{'-' * (value < 0)}INFINITY"


def _exactly(text: str) -> str:
    """What equality does not tell: NaN, and zeros by their sign."""
    if text == "nan":
        return "std::isnan(seen)"
    if text not in ("0.0", "-0.0"):
        raise Unsaid(text)
    sign = "" if text == "-0.0" else "!"
    return f"seen == 0 && {sign}std::signbit(seen)"
