"""ensmallen, on matrices of Armadillo: scripts are programs for g++."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Sparse
from adagrad_reference.scenario import Tensor

from .base import NotExpressible, Options
from .cpp import Cpp, braced

__all__ = ["Ensmallen"]

#: Format -> what ends the names of Armadillo's types: fmat, fvec, sp_fmat.
_KINDS = {"binary64": "", "binary32": "f"}
_OPTIONS = {"lr": "StepSize", "eps": "Epsilon"}


class Ensmallen(Cpp):
    """ens::AdaGrad, one for each param; a step is an Optimize of one iteration."""

    head = (
        "// With the headers of ensmallen (apt-get install libensmallen-dev):",
        "//   g++ -std=c++20 THIS_FILE.cpp && ./a.out",
        "#include <ensmallen.hpp>",
    )
    before = (
        "// A function of one term, whose gradient is given.",
        "template <class Matrix, class Gradients>",
        "struct Given {",
        "  const Gradients& given;",
        "  size_t NumFunctions() { return 1; }",
        "  void Shuffle() {}",
        "  typename Matrix::elem_type Evaluate(const Matrix&, size_t, size_t) {",
        "    return 0;",
        "  }",
        "  void Gradient(const Matrix&, size_t, Gradients& gradient, size_t) {",
        "    gradient = given;",
        "  }",
        "};",
        "",
        "template <class Matrix, class Gradients>",
        "void step(ens::AdaGrad& optimizer, Matrix& theta, const Gradients& given) {",
        "  Given<Matrix, Gradients> function{given};",
        "  optimizer.Optimize<decltype(function), Matrix, Gradients>(function, theta);",
        "}",
    )

    def __init__(self) -> None:
        super().__init__()
        self.params: Sequence[str] = ()
        self.kinds: dict[str, str] = {}  #: of a param's gradients: "", or "sp_"

    # -- data --------------------------------------------------------------------------

    def param(self, name: str, array: str) -> list[str]:
        """A matrix."""
        return [f"auto {name} = {array};"]

    def array(self, tensor: Tensor) -> str:
        """A matrix; each index of the first dimension is a row."""
        kind = _kind(tensor)
        rows, columns = _size(tensor.shape)
        numbers = [self.number(tensor, value) for value in tensor.values()]
        if not numbers:
            return f"arma::{kind}mat({rows}, {columns})"
        if len(numbers) > 8 and len(set(numbers)) == 1:
            scalar = "float" if kind else "double"
            fill = f"arma::fill::value<{scalar}>({numbers[0]})"
            return f"arma::{kind}mat({rows}, {columns}, {fill})"
        if columns == 1:
            return f"arma::{kind}mat(arma::{kind}vec{braced(numbers)})"
        listed = [braced(numbers[i * columns : (i + 1) * columns]) for i in range(rows)]
        return f"arma::{kind}mat{braced(listed)}"

    def sparse(self, gradient: Sparse) -> str:
        """A sparse matrix of places and values; values of one place are added up."""
        kind = _kind(gradient.values)
        rows, columns = _size(gradient.shape)
        numbers = [self.number(gradient.values, v) for v in gradient.values.values()]
        if not numbers:
            return f"arma::sp_{kind}mat({rows}, {columns})"
        down = [index for index in gradient.indices for _ in range(columns)]
        across = [*range(columns)] * len(gradient.indices)
        places = f"arma::umat{braced([braced(down), braced(across)])}"
        if len(numbers) == 1:
            places = f"arma::uvec{braced([*down, *across])}"
        values = f"arma::{kind}vec{braced(numbers)}"
        return f"arma::sp_{kind}mat(true, {places}, {values}, {rows}, {columns})"

    # -- events ------------------------------------------------------------------------

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """An optimizer for each param, with a state that lasts."""
        self.made += 1
        self.params, self.kinds = params, {}
        lines = []
        for mine in map(self._of, params):
            lines += [
                f"ens::AdaGrad {mine};",
                f"{mine}.BatchSize() = 1;",
                f"{mine}.MaxIterations() = 1;",
                f"{mine}.ResetPolicy() = false;",
                *(_set(mine, option, value) for option, value in options.items()),
            ]
        return lines

    def _of(self, name: str) -> str:
        return self.mine if len(self.params) < 2 else f"{self.mine}_{name}"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call for each param that has a gradient."""
        return [
            f"step({self._of(name)}, {name}, {self._alike(name, text)});"
            for name, text in gradients.items()
            if text != "None"
        ]

    def _alike(self, name: str, text: str) -> str:
        """A gradient as a matrix of the type that the param's first one had.

        What an optimizer keeps is of that type, and begins anew with another.
        """
        made = text.removeprefix("arma::")
        kind = "sp_" if made.startswith("sp_") else ""
        first = self.kinds.setdefault(name, kind)
        if kind == first:
            return text
        scalar = "f" if made.removeprefix(kind).startswith("f") else ""
        return f"arma::{first}{scalar}mat({text})"

    def option(self, option: str, value: str) -> list[str]:
        """A setter of each optimizer."""
        return [_set(self._of(name), option, value) for name in self.params]

    # -- observations ------------------------------------------------------------------

    def element(self, array: str, number: int) -> str:
        """An element in row-major order; Armadillo counts down the columns."""
        return f"{array}.t().eval()[{int(number)}]" if number else f"{array}[0]"


# -- Armadillo -------------------------------------------------------------------------


def _kind(tensor: Tensor) -> str:
    if tensor.complex or tensor.layout is not None or tensor.format not in _KINDS:
        raise NotExpressible("complex params, layouts and formats of 16 bits")
    return _KINDS[tensor.format]


def _size(shape: Sequence[int]) -> tuple[int, int]:
    """The rows and columns of a matrix."""
    return (shape[0] if shape else 1), math.prod(shape[1:])


def _set(optimizer: str, option: str, value: str) -> str:
    if option not in _OPTIONS:
        raise NotExpressible(option)
    return f"{optimizer}.{_OPTIONS[option]}() = {value};"
