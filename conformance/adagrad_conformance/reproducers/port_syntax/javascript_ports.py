"""Ports in JavaScript: scripts for node."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from adagrad_conformance.reproducers.assertion import Assertion
from adagrad_conformance.reproducers.torch_literals import shortest
from adagrad_reference.scenario import Tensor

from .base import Phrases, Unsaid

__all__ = ["AdNn", "ConvNetJs", "DeepLearn", "TfJs", "ToyGrad"]

_ASSERT = 'import assert from "node:assert/strict";'
_ARRAYS = {"binary64": "Float64Array", "binary32": "Float32Array"}


class _JavaScript(Phrases):
    """Arrays are typed arrays; a param is its own array."""

    suffix = ".mjs"

    def __init__(self) -> None:
        self.params: tuple[str, ...] = ()

    def param(self, name: str, array: str) -> list[str]:
        """A constant."""
        return [f"const {name} = {array};"]

    def array(self, tensor: Tensor) -> str:
        """A typed array."""
        if tensor.complex or tensor.layout is not None or tensor.format not in _ARRAYS:
            raise Unsaid("complex params, layouts and narrow formats")
        kind = _ARRAYS[tensor.format]
        numbers = [self.number(tensor, value) for value in tensor.values()]
        if len(numbers) > 8 and len(set(numbers)) == 1:
            return f"new {kind}({len(numbers)}).fill({numbers[0]})"
        return f"{kind}.of({', '.join(numbers)})"

    def number(self, tensor: Tensor, value: float) -> str:
        """The shortest decimal."""
        if math.isfinite(value):
            return shortest(tensor.fmt, value)
        return _text(value)

    def element(self, array: str, number: int) -> str:
        """By index."""
        return f"{array}[{number}]"

    def has_total(self, name: str) -> list[str]:
        """Where there is none, to look for it is an error of another kind."""
        raise Unsaid("no accumulator")

    def holds(self, due: Assertion) -> str:
        """As `due.condition` has it in Python."""
        if due.still is not None:
            return f"seen !== {_text(due.still)}"
        if due.what == "t":
            return f"seen === {'null' if due.exact == 'None' else due.exact}"
        if due.exact is not None:
            return f"Object.is(seen, {_text(float(due.exact))})"
        assert due.box is not None
        lo, hi, nan = due.box
        if lo > hi:
            return "Number.isNaN(seen)"
        span = f"{_text(lo)} <= seen && seen <= {_text(hi)}"
        if lo == hi:
            span = f"seen === {_text(lo)}"
        return f"Number.isNaN(seen) || ({span})" if nan else span

    def end(self, place: str, seen: str, condition: str, words: str) -> list[str]:
        """assert.ok."""
        return [
            f"const seen = {seen};",
            f"assert.ok({condition}, `{place} = ${{seen}}, due {words}`);",
        ]

    def refused(self, lines: list[str], due: str | None) -> list[str]:
        """assert.throws."""
        *first, last = lines
        words = f", `accepted, though {due}`" if due else ""
        return [*first, f"assert.throws(() => {{ {last} }}{words});"]

    def _alone(self) -> None:
        if len(self.params) != 1:
            raise Unsaid("state of several params")


def _text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return repr(value) if math.isfinite(value) else f"{'-' * (value < 0)}Infinity"


def _object(values: Mapping[str, str]) -> str:
    listed = ", ".join(f"{name}: {value}" for name, value in values.items())
    return f"{{ {listed} }}" if values else "{}"


def _given(gradients: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in gradients.items() if text != "None"}


# -- TensorFlow.js, and deeplearn.js before it -----------------------------------------


class TfJs(_JavaScript):
    """tf.train.adagrad."""

    module = "tf"
    head: tuple[str, ...] = (
        "// npm install @tensorflow/tfjs@4.22.0",
        _ASSERT,
        'import tf from "@tensorflow/tfjs";',
    )

    def array(self, tensor: Tensor) -> str:
        """A tensor."""
        return f"{self.module}.tensor({super().array(tensor)}, {list(tensor.shape)})"

    def param(self, name: str, array: str) -> list[str]:
        """A variable of its name."""
        return [f'const {name} = {self.module}.variable({array}, true, "{name}");']

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """Two arguments."""
        self.params = tuple(params)
        names = ("lr", "initial_accumulator_value")
        given = ", ".join(options[name] for name in names if name in options)
        return [f"const optimizer = {self.module}.train.adagrad({given});"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """What has no gradient is missing, as minimize has it."""
        return [f"optimizer.applyGradients({_object(_given(gradients))});"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """setWeights."""
        self._alone()
        return [
            "await optimizer.setWeights([",
            f'  {{ name: "iter", tensor: tf.scalar({t}, "int32") }},',
            f'  {{ name: "{name}/accumulator", tensor: {array} }},',
            "]);",
        ]

    def theta(self, name: str) -> str:
        """Its data."""
        return f"{name}.dataSync()"

    def total(self, name: str) -> str:
        """Of the weights, that of its name."""
        named = f'({{ name }}) => name === "{name}/accumulator"'
        return f"(await optimizer.getWeights()).find({named}).tensor.dataSync()"

    def count(self, name: str) -> str:
        """Of the optimizer."""
        return "optimizer.iterations"


class DeepLearn(TfJs):
    """dl.train.adagrad."""

    module = "dl"
    head = ("// npm install deeplearn@0.5.1", _ASSERT, 'import dl from "deeplearn";')

    def state(self, name: str, array: str, t: int) -> list[str]:
        """A field of the optimizer."""
        return [f"optimizer.accumulatedGrads.{name} = dl.variable({array}, false);"]

    def total(self, name: str) -> str:
        """The same."""
        return f"optimizer.accumulatedGrads.{name}.dataSync()"

    def count(self, name: str) -> str:
        """Nobody counts."""
        raise Unsaid("counter")


# -- ConvNetJS and toygrad -------------------------------------------------------------


class ConvNetJs(_JavaScript):
    """convnetjs.Trainer over a net of nothing but params and gradients."""

    head: tuple[str, ...] = (
        "// npm install convnetjs@0.3.0",
        _ASSERT,
        'import convnetjs from "convnetjs";',
    )
    maker = "convnetjs.Trainer"
    names: Mapping[str, str] = MappingProxyType(
        {"lr": "learning_rate", "weight_decay": "l2_decay", "eps": "eps"}
    )
    method: Mapping[str, str] = MappingProxyType({"method": '"adagrad"'})

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """A trainer."""
        self.params = tuple(params)
        pairs = ", ".join(f"{{ params: {p}, grads: grads.{p} }}" for p in params)
        named = {self.names[name]: value for name, value in options.items()}
        made = f"new {self.maker}(net, {_object({**self.method, **named})})"
        return [
            "let grads = {};",
            "const net = {",
            "  forward() {},",
            "  backward: () => 0,",
            f"  getParamsAndGrads: () => [{pairs}],",
            "};",
            f"const trainer = {made};",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """train."""
        return [f"grads = {_object(_given(gradients))};", "trainer.train();"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """gsum."""
        self._alone()
        return [f"trainer.gsum = [{array}];"]

    def option(self, option: str, value: str) -> list[str]:
        """A field."""
        return [f"trainer.{self.names[option]} = {value};"]

    def total(self, name: str) -> str:
        """By place."""
        return f"trainer.gsum[{self.params.index(name)}]"


class ToyGrad(ConvNetJs):
    """Trainers.Adagrad."""

    head = (
        "// npm install toygrad@2.6.0",
        _ASSERT,
        'import { Trainers } from "toygrad";',
    )
    maker = "Trainers.Adagrad"
    names: Mapping[str, str] = MappingProxyType(
        {"lr": "learningRate", "weight_decay": "l2decay", "eps": "eps"}
    )
    method: Mapping[str, str] = MappingProxyType({})


# -- adnn ------------------------------------------------------------------------------


class AdNn(_JavaScript):
    """opt.adagrad."""

    head = (
        "// npm install adnn@2.0.10",
        _ASSERT,
        'import opt from "adnn/opt/index.js";',
        'import Tensor from "adnn/tensor.js";',
    )

    def array(self, tensor: Tensor) -> str:
        """A tensor, made of a flat array."""
        flat = f"[{', '.join(self.number(tensor, x) for x in tensor.values())}]"
        return f"new Tensor({list(tensor.shape)}).fromFlatArray({flat})"

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """A method, and the params that it is to step."""
        return [
            f"const parameters = {_object({p: p for p in params})};",
            f"const method = opt.adagrad({{ stepSize: {options['lr']} }});",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """optimize, once."""
        given = _object(_given(gradients))
        both = f"() => ({{ parameters, gradients: {given} }})"
        return [f"opt.optimize({both}, {{ iterations: 1, method }});"]

    def theta(self, name: str) -> str:
        """Its data."""
        return f"{name}.data"
