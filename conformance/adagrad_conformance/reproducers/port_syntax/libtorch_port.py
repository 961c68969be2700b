"""libtorch, the C++ frontend of torch: scripts are programs for g++."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Gradient, Sparse
from adagrad_reference.scenario import Tensor

from .base import NotExpressible, Options
from .cpp import Cpp, braced

__all__ = ["LibTorch"]

_DTYPES = {
    "binary64": "torch::kFloat64",
    "binary32": "torch::kFloat32",
    "binary16": "torch::kFloat16",
    "bfloat16": "torch::kBFloat16",
}


class LibTorch(Cpp):
    """torch::optim::Adagrad; each optimizer is a variable of its own."""

    head = (
        "// With the torch package of Python (pip install torch==2.13.0):",
        "//   TORCH=$(python -c 'import torch; print(torch.__path__[0])')",
        '//   FLAGS="-I$TORCH/include -I$TORCH/include/torch/csrc/api/include"',
        '//   FLAGS="$FLAGS -L$TORCH/lib -Wl,-rpath,$TORCH/lib"',
        '//   FLAGS="$FLAGS -ltorch -ltorch_cpu -lc10"',
        "//   g++ -std=c++20 THIS_FILE.cpp $FLAGS && ./a.out",
        "#include <torch/torch.h>",
    )
    before = ("using namespace torch::optim;",)
    error = "c10::Error"
    says = "what_without_backtrace"

    def __init__(self) -> None:
        super().__init__()
        self.defaults: Options = {}

    # -- data --------------------------------------------------------------------------

    def param(self, name: str, array: str) -> list[str]:
        """A tensor that requires a gradient."""
        return [f"auto {name} = {array}.requires_grad_();"]

    def array(self, tensor: Tensor) -> str:
        """A tensor."""
        if tensor.complex or tensor.layout is not None:
            raise NotExpressible("complex params and layouts")
        numbers = [self.number(tensor, value) for value in tensor.values()]
        shape, dtype = braced(tensor.shape), _DTYPES[tensor.format]
        if not numbers:
            return f"torch::empty({shape}, {dtype})"
        if not tensor.shape or (len(numbers) > 8 and len(set(numbers)) == 1):
            return f"torch::full({shape}, {numbers[0]}, {dtype})"
        text = f"torch::tensor({braced(numbers)}, {dtype})"
        plain = tensor.shape == (len(numbers),)
        return text if plain else f"{text}.reshape({shape})"

    def gradient(self, gradient: Gradient) -> str:
        """A tensor; None is an undefined tensor."""
        return "torch::Tensor()" if gradient is None else super().gradient(gradient)

    def sparse(self, gradient: Sparse) -> str:
        """A COO tensor."""
        rows = "torch::empty({1, 0}, torch::kInt64)"
        if gradient.indices:
            listed = braced(gradient.indices)
            rows = f"torch::tensor({listed}, torch::kInt64).unsqueeze(0)"
        values = self.array(gradient.values)
        return f"torch::sparse_coo_tensor({rows}, {values}, {braced(gradient.shape)})"

    # -- events ------------------------------------------------------------------------

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """An optimizer over a list of params."""
        self.made += 1
        self.defaults = options
        chosen = f", {_chosen(options)}" if options else ""
        return [f"Adagrad {self.mine}({braced(params)}{chosen});"]

    def groups(
        self, groups: Sequence[tuple[Sequence[str], Options]], options: Options
    ) -> list[str]:
        """An optimizer over a vector of groups."""
        self.made += 1
        self.defaults = options
        listed = f"groups{self.made}" if self.made > 1 else "groups"
        written = [self._group(params, own) for params, own in groups]
        chosen = f", {_chosen(options)}" if options else ""
        return [
            f"std::vector<OptimizerParamGroup> {listed};",
            *(f"{listed}.push_back({text});" for text in written),
            f"Adagrad {self.mine}({listed}{chosen});",
        ]

    def add(self, params: Sequence[str], options: Options) -> list[str]:
        """The method add_param_group."""
        return [f"{self.mine}.add_param_group({self._group(params, options)});"]

    def _group(self, params: Sequence[str], own: Options) -> str:
        """A group; the options that it does not set are the constructor's."""
        given = ""
        if own:
            chosen = _chosen({**self.defaults, **own})
            given = f", std::make_unique<AdagradOptions>({chosen})"
        return f"OptimizerParamGroup({braced(params)}{given})"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """The gradients are set, then step() is called."""
        given = [f"{p}.mutable_grad() = {text};" for p, text in gradients.items()]
        return [*given, f"{self.mine}.step();"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """A new state under the param's implementation."""
        place = f"{self.mine}.state()[{name}.unsafeGetTensorImpl()]"
        return [
            "{",
            "  auto state = std::make_unique<AdagradParamState>();",
            f"  state->sum({array});",
            f"  state->step({int(t)});",
            f"  {place} = std::move(state);",
            "}",
        ]

    def option(self, option: str, value: str) -> list[str]:
        """A setter of the options of the only group."""
        options = f"{self.mine}.param_groups()[0].options()"
        return [f"static_cast<AdagradOptions&>({options}).{option}({value});"]

    def save(self, name: str) -> list[str]:
        """An archive as bytes."""
        return [
            f"std::stringstream bytes_{name};",
            f"torch::save({self.mine}, bytes_{name});",
        ]

    def load(self, name: str, via: str) -> list[str]:
        """The archive is read from its start."""
        if via == "new-process":
            raise NotExpressible("another process")
        return [
            f"bytes_{name}.clear();",
            f"bytes_{name}.seekg(0);",
            f"torch::load({self.mine}, bytes_{name});",
        ]

    # -- observations ------------------------------------------------------------------

    def theta(self, name: str) -> str:
        """The param itself."""
        return name

    def total(self, name: str) -> str:
        """The accumulator in the param's state."""
        return f"{self._state(name)}.sum()"

    def count(self, name: str) -> str:
        """The counter in the param's state."""
        return f"{self._state(name)}.step()"

    def held(self, name: str) -> str:
        """The param's gradient."""
        return f"{name}.grad()"

    def _state(self, name: str) -> str:
        place = f"*{self.mine}.state().at({name}.unsafeGetTensorImpl())"
        return f"static_cast<AdagradParamState&>({place})"

    def element(self, array: str, number: int) -> str:
        """An element in row-major order."""
        return f"{array}.reshape(-1)[{int(number)}].item<double>()"

    def has_total(self, name: str) -> list[str]:
        """The assertion that the param has a state."""
        there = f"{self.mine}.state().count({name}.unsafeGetTensorImpl())"
        return self.unless(there, self.no_total(name))


def _chosen(options: Options) -> str:
    named = "".join(f".{name}({value})" for name, value in options.items())
    return f"AdagradOptions(){named}"
