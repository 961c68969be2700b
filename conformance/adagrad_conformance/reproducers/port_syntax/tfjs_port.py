"""TensorFlow.js, and deeplearn.js before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import js_literal
from adagrad_reference.scenario import Tensor

from .base import NotExpressible, Options
from .javascript import ASSERT, JavaScript, given, object_of

__all__ = ["DeepLearn", "TfJs"]


class TfJs(JavaScript):
    """tf.train.adagrad."""

    module = "tf"
    head: tuple[str, ...] = (
        "// npm install @tensorflow/tfjs@4.22.0",
        ASSERT,
        'import tf from "@tensorflow/tfjs";',
    )

    def array(self, tensor: Tensor) -> str:
        """A tensor of a typed array and a shape."""
        return f"{self.module}.tensor({super().array(tensor)}, {list(tensor.shape)})"

    def param(self, name: str, array: str) -> list[str]:
        """A variable that is registered under its name."""
        registered = f"{array}, true, {js_literal(name)}"
        return [f"const {name} = {self.module}.variable({registered});"]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor, with its two arguments."""
        self.params = tuple(params)
        names = ("lr", "initial_accumulator_value")
        chosen = ", ".join(options[name] for name in names if name in options)
        return [f"var optimizer = {self.module}.train.adagrad({chosen});"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of applyGradients; minimize leaves out absent gradients too."""
        return [f"optimizer.applyGradients({object_of(given(gradients))});"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """A call of setWeights."""
        self.only_param()
        place = js_literal(f"{name}/accumulator")
        return [
            "await optimizer.setWeights([",
            f'  {{ name: "iter", tensor: tf.scalar({int(t)}, "int32") }},',
            f"  {{ name: {place}, tensor: {array} }},",
            "]);",
        ]

    def theta(self, name: str) -> str:
        """The variable's data."""
        return f"{name}.dataSync()"

    def total(self, name: str) -> str:
        """The data of the weight that is named after the param."""
        named = f"({{ name }}) => name === {js_literal(f'{name}/accumulator')}"
        return f"(await optimizer.getWeights()).find({named}).tensor.dataSync()"

    def count(self, name: str) -> str:
        """The iterations of the optimizer."""
        return "optimizer.iterations"


class DeepLearn(TfJs):
    """dl.train.adagrad."""

    module = "dl"
    head = ("// npm install deeplearn@0.5.1", ASSERT, 'import dl from "deeplearn";')

    def state(self, name: str, array: str, t: int) -> list[str]:
        """A field of the optimizer's accumulators."""
        return [f"optimizer.accumulatedGrads.{name} = dl.variable({array}, false);"]

    def total(self, name: str) -> str:
        """The data of the field."""
        return f"optimizer.accumulatedGrads.{name}.dataSync()"

    def count(self, name: str) -> str:
        """Left out: the optimizer has no counter."""
        raise NotExpressible("counter")
