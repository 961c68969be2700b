"""ConvNetJS, and toygrad, which has its interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from .base import Options
from .javascript import ASSERT, JavaScript, given, object_of

__all__ = ["ConvNetJs", "ToyGrad"]


class ConvNetJs(JavaScript):
    """convnetjs.Trainer over a net of nothing but params and gradients."""

    head: tuple[str, ...] = (
        "// npm install convnetjs@0.3.0",
        ASSERT,
        'import convnetjs from "convnetjs";',
    )
    maker = "convnetjs.Trainer"
    names: Mapping[str, str] = MappingProxyType(
        {"lr": "learning_rate", "weight_decay": "l2_decay", "eps": "eps"}
    )
    method: Mapping[str, str] = MappingProxyType({"method": '"adagrad"'})

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """A net and its trainer."""
        self.params = tuple(params)
        pairs = ", ".join(f"{{ params: {p}, grads: grads.{p} }}" for p in params)
        named = {self.names[name]: value for name, value in options.items()}
        made = f"new {self.maker}(net, {object_of({**self.method, **named})})"
        return [
            "var grads = {};",
            "var net = {",
            "  forward() {},",
            "  backward: () => 0,",
            f"  getParamsAndGrads: () => [{pairs}],",
            "};",
            f"var trainer = {made};",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """The gradients are set, then train() is called."""
        return [f"grads = {object_of(given(gradients))};", "trainer.train();"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The trainer's list of accumulators."""
        self.only_param()
        return [f"trainer.gsum = [{array}];"]

    def option(self, option: str, value: str) -> list[str]:
        """A field of the trainer."""
        return [f"trainer.{self.names[option]} = {value};"]

    def total(self, name: str) -> str:
        """The accumulator at the param's place."""
        return f"trainer.gsum[{self.params.index(name)}]"


class ToyGrad(ConvNetJs):
    """Trainers.Adagrad."""

    head = (
        "// npm install toygrad@2.6.0",
        ASSERT,
        'import { Trainers } from "toygrad";',
    )
    maker = "Trainers.Adagrad"
    names: Mapping[str, str] = MappingProxyType(
        {"lr": "learningRate", "weight_decay": "l2decay", "eps": "eps"}
    )
    method: Mapping[str, str] = MappingProxyType({})
