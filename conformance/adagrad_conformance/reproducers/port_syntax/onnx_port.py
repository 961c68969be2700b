"""The operator of ONNX: a model of one node, and what evaluates it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax, keywords

__all__ = ["MODEL", "Onnx"]

#: A function that makes the model.
MODEL = (
    "def model(kind, shape, **attributes):",
    "    node = helper.make_node('Adagrad', ['R', 'T', 'X', 'G', 'H'], ['X2', 'H2'],",
    "                            domain='ai.onnx.preview.training', **attributes)",
    "    info = helper.make_tensor_value_info",
    "    scalars = [info('R', kind, []), info('T', TensorProto.INT64, [])]",
    "    tensors = [info(name, kind, shape) for name in 'XGH']",
    "    results = [info(name, kind, shape) for name in ('X2', 'H2')]",
    "    graph = helper.make_graph([node], 'step', scalars + tensors, results)",
    "    domains = [('', 18), ('ai.onnx.preview.training', 1)]",
    "    opsets = [helper.make_opsetid(*domain) for domain in domains]",
    "    return helper.make_model(graph, opset_imports=opsets)",
)
_NAMES = {
    "lr_decay": "decay_factor",
    "weight_decay": "norm_coefficient",
    "eps": "epsilon",
}


class Onnx(PortSyntax):
    """The operator in the ReferenceEvaluator; X, H and T are dictionaries."""

    head: tuple[str, ...] = (
        "import numpy as np",
        "from onnx import TensorProto, helper",
        "from onnx.reference import ReferenceEvaluator",
        *MODEL,
        "X, H, T, run = {}, {}, {}, {}",
    )
    taken = frozenset("XHT")

    def __init__(self) -> None:
        self.rate = ""
        self.kinds: dict[str, str] = {}

    def param(self, name: str, array: str) -> list[str]:
        """An entry of X."""
        self.kinds[name] = "float64" if "float64" in array else "float32"
        return [f"X[{literal(name)}] = {array}"]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """A model for each param."""
        rest = dict(options)
        self.rate, tau = rest.pop("lr"), rest.pop("initial_accumulator_value", "0")
        lines = []
        for name in params:
            kind = {"float64": "DOUBLE", "float32": "FLOAT"}[self.kinds[name]]
            shape = f"X[{literal(name)}].shape"
            given = [f"TensorProto.{kind}", shape, *keywords(rest, _NAMES)]
            made = self.runner(f"model({', '.join(given)})")
            lines.append(f"run[{literal(name)}] = {made}")
            lines.append(f"{self.sums(name, tau)}; T[{literal(name)}] = 0")
        return lines

    def runner(self, model: str) -> str:
        """The object that evaluates a model."""
        return f"ReferenceEvaluator({model})"

    def sums(self, name: str, tau: str) -> str:
        """The first accumulator."""
        return f"H[{literal(name)}] = np.full_like(X[{literal(name)}], {tau})"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """An evaluation for each param that has a gradient."""
        lines = []
        for name, gradient in gradients.items():
            if gradient == "None":
                continue
            mine = literal(name)
            rate = f"np.array({self.rate}, {literal(self.kinds[name])})"
            feeds = (
                f"{{'R': {rate}, 'T': np.array(T[{mine}]), 'X': X[{mine}], "
                f"'G': {self.given(gradient)}, 'H': H[{mine}]}}"
            )
            lines += self.run(name, feeds)
            lines.append(f"T[{mine}] += 1")
        return lines

    def given(self, gradient: str) -> str:
        """A gradient as the evaluator takes it."""
        return gradient

    def run(self, name: str, feeds: str) -> list[str]:
        """One evaluation."""
        mine = literal(name)
        return [f"X[{mine}], H[{mine}] = run[{mine}].run(None, {feeds})"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Entries of H and T."""
        return [f"H[{literal(name)}] = {array}; T[{literal(name)}] = {literal(t)}"]

    def theta(self, name: str) -> str:
        """The entry of X."""
        return f"X[{literal(name)}]"

    def total(self, name: str) -> str:
        """The entry of H."""
        return f"H[{literal(name)}]"
