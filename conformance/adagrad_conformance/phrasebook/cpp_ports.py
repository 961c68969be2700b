"""libtorch, the C++ frontend of torch: scripts are programs for g++."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Sparse
from adagrad_conformance.due import Due
from adagrad_conformance.torch_text import shortest
from adagrad_reference.scenario import Tensor

from .phrases import Options, Phrases, Unsaid

__all__ = ["LibTorch"]

_DTYPES = {
    "binary64": "torch::kFloat64",
    "binary32": "torch::kFloat32",
    "binary16": "torch::kFloat16",
    "bfloat16": "torch::kBFloat16",
}
#: What a script includes beside torch where it says one of these words.
_INCLUDES = {
    "cmath": ("NAN", "INFINITY", "std::isnan", "std::signbit"),
    "iostream": ("std::cerr",),
    "sstream": ("std::stringstream",),
}
_CAUGHT = (
    "} catch (const c10::Error& error) {",
    '  std::cerr << "refused, though it is legal: ";',
    "  std::cerr << error.what_without_backtrace() << '\\n';",
    "  return 1;",
    "}",
)


class LibTorch(Phrases):
    """torch::optim::Adagrad; each optimizer is a variable of its own."""

    suffix = ".cpp"
    head = (
        "// With the torch package of Python (pip install torch==2.13.0):",
        "//   TORCH=$(python -c 'import torch; print(torch.__path__[0])')",
        '//   LIBTORCH="-I$TORCH/include -I$TORCH/include/torch/csrc/api/include"',
        '//   LIBTORCH="$LIBTORCH -L$TORCH/lib -Wl,-rpath,$TORCH/lib"',
        '//   LIBTORCH="$LIBTORCH -ltorch -ltorch_cpu -lc10"',
        "//   g++ -std=c++20 THIS_FILE.cpp $LIBTORCH && ./a.out",
        "#include <torch/torch.h>",
    )

    def __init__(self) -> None:
        self.made = 0
        self.defaults: Options = {}
        self.asserts = False

    @property
    def _mine(self) -> str:
        return "optimizer" if self.made < 2 else f"optimizer{self.made}"

    def script(self, head: list[str], lines: list[str]) -> str:
        """A main; where nothing is asserted the fault is an exception."""
        body = [f"  {line}" for line in lines]
        main = ["int main() {", *body, "}"]
        if not self.asserts:
            main = ["int main() try {", *body, *_CAUGHT]
        text = "\n".join(main)
        beside = [
            f"#include <{header}>"
            for header, words in _INCLUDES.items()
            if any(word in text for word in words)
        ]
        names = ["", "using namespace torch::optim;", ""]
        return super().script([*head, *beside, *names], main)

    # -- data --------------------------------------------------------------------------

    def param(self, name: str, array: str) -> list[str]:
        """A tensor that requires a gradient."""
        return [f"auto {name} = {array}.requires_grad_();"]

    def array(self, tensor: Tensor) -> str:
        """A tensor."""
        if tensor.complex or tensor.layout is not None:
            raise Unsaid("complex params and layouts")
        numbers = [self.number(tensor, value) for value in tensor.values()]
        shape, dtype = _braced(tensor.shape), _DTYPES[tensor.format]
        if not numbers:
            return f"torch::empty({shape}, {dtype})"
        if not tensor.shape or (len(numbers) > 8 and len(set(numbers)) == 1):
            return f"torch::full({shape}, {numbers[0]}, {dtype})"
        text = f"torch::tensor({_braced(numbers)}, {dtype})"
        plain = tensor.shape == (len(numbers),)
        return text if plain else f"{text}.reshape({shape})"

    def number(self, tensor: Tensor, value: float) -> str:
        """The shortest decimal."""
        return shortest(tensor.fmt, value) if math.isfinite(value) else _text(value)

    def gradient(self, gradient: Tensor | Sparse | None) -> str:
        """None is an undefined tensor."""
        return "torch::Tensor()" if gradient is None else super().gradient(gradient)

    def sparse(self, gradient: Sparse) -> str:
        """A COO tensor."""
        rows = "torch::empty({1, 0}, torch::kInt64)"
        if gradient.indices:
            listed = _braced(gradient.indices)
            rows = f"torch::tensor({listed}, torch::kInt64).unsqueeze(0)"
        values = self.array(gradient.values)
        return f"torch::sparse_coo_tensor({rows}, {values}, {_braced(gradient.shape)})"

    # -- events ------------------------------------------------------------------------

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """Over a list of params."""
        self.made += 1
        self.defaults = options
        chosen = f", {_chosen(options)}" if options else ""
        return [f"Adagrad {self._mine}({_braced(params)}{chosen});"]

    def groups(
        self, groups: Sequence[tuple[Sequence[str], Options]], options: Options
    ) -> list[str]:
        """Over a list of groups; one's options begin as the constructor's."""
        self.made += 1
        self.defaults = options
        listed = f"groups{self.made}" if self.made > 1 else "groups"
        written = [self._group(params, own) for params, own in groups]
        chosen = f", {_chosen(options)}" if options else ""
        return [
            f"std::vector<OptimizerParamGroup> {listed};",
            *(f"{listed}.push_back({text});" for text in written),
            f"Adagrad {self._mine}({listed}{chosen});",
        ]

    def add(self, params: Sequence[str], options: Options) -> list[str]:
        """add_param_group."""
        return [f"{self._mine}.add_param_group({self._group(params, options)});"]

    def _group(self, params: Sequence[str], own: Options) -> str:
        """Options that are not its own are the constructor's."""
        given = ""
        if own:
            chosen = _chosen({**self.defaults, **own})
            given = f", std::make_unique<AdagradOptions>({chosen})"
        return f"OptimizerParamGroup({_braced(params)}{given})"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """step()."""
        given = [f"{p}.mutable_grad() = {text};" for p, text in gradients.items()]
        return [*given, f"{self._mine}.step();"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """By the param's implementation."""
        place = f"{self._mine}.state()[{name}.unsafeGetTensorImpl()]"
        return [
            "{",
            "  auto state = std::make_unique<AdagradParamState>();",
            f"  state->sum({array});",
            f"  state->step({t});",
            f"  {place} = std::move(state);",
            "}",
        ]

    def option(self, option: str, value: str) -> list[str]:
        """Of the only group."""
        options = f"{self._mine}.param_groups()[0].options()"
        return [f"static_cast<AdagradOptions&>({options}).{option}({_literal(value)});"]

    def save(self, name: str) -> list[str]:
        """An archive as bytes."""
        return [
            f"std::stringstream bytes_{name};",
            f"torch::save({self._mine}, bytes_{name});",
        ]

    def load(self, name: str, via: str) -> list[str]:
        """The archive."""
        if via == "new-process":
            raise Unsaid("another process")
        return [
            f"bytes_{name}.clear();",
            f"bytes_{name}.seekg(0);",
            f"torch::load({self._mine}, bytes_{name});",
        ]

    # -- what is seen ------------------------------------------------------------------

    def theta(self, name: str) -> str:
        """The param."""
        return name

    def total(self, name: str) -> str:
        """Of its state."""
        return f"{self._state(name)}.sum()"

    def count(self, name: str) -> str:
        """Of its state."""
        return f"{self._state(name)}.step()"

    def held(self, name: str) -> str:
        """Its gradient."""
        return f"{name}.grad()"

    def _state(self, name: str) -> str:
        place = f"*{self._mine}.state().at({name}.unsafeGetTensorImpl())"
        return f"static_cast<AdagradParamState&>({place})"

    def element(self, array: str, number: int) -> str:
        """In row-major order."""
        return f"{array}.reshape(-1)[{number}].item<double>()"

    def has_total(self, name: str) -> list[str]:
        """Whether there is a state."""
        there = f"{self._mine}.state().count({name}.unsafeGetTensorImpl())"
        return self._unless(there, f'"{name} has no accumulator"')

    def holds(self, due: Due) -> str:
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
            "} catch (const c10::Error&) {  // as is due",
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


# -- C++ -------------------------------------------------------------------------------


def _braced(values: Sequence[object]) -> str:
    return f"{{{', '.join(map(str, values))}}}"


def _literal(value: str) -> str:
    """A number or a truth value, from Python."""
    if value in ("True", "False"):
        return value.lower()
    return _text(float(value.removeprefix('float("').removesuffix('")')))


def _chosen(options: Options) -> str:
    named = "".join(f".{name}({_literal(v)})" for name, v in options.items())
    return f"AdagradOptions(){named}"


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
