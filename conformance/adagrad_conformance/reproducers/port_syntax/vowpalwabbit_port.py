"""Vowpal Wabbit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal

from .base import Options, PortSyntax

__all__ = ["VowpalWabbit"]

_LIST = ".ravel().tolist()"


class VowpalWabbit(PortSyntax):
    """A feature for each element of a param; -g are the features of an example."""

    head = ("import numpy as np", "from vowpalwabbit import Workspace")
    taken = frozenset("ix")
    loss = "--loss_function quantile --quantile_tau 1"

    def __init__(self) -> None:
        self.rate = ""

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """A workspace whose weights are numbered param by param."""
        self.rate = options["lr"]
        lines = ["start, end = {}, 0"]
        for name in params:
            lines.append(f"start[{literal(name)}] = end; end += {name}.size")
        lines.append(f"vw = Workspace({literal(self._arguments())})")
        for name in params:
            lines += self._set(name, name, 0)
        return lines

    def _set(self, name: str, array: str, offset: int) -> list[str]:
        """Weights of a param, or at offset 1 their accumulators."""
        return [
            f"for i, x in enumerate({array}{_LIST}):",
            f"    vw.set_weight(start[{literal(name)}] + i, {offset}, x)",
        ]

    def _arguments(self) -> str:
        return (
            f"--adaptive --power_t 0.5 --noconstant {self.loss} --min_prediction -1 "
            f"--max_prediction 1 --save_resume --quiet --learning_rate {self.rate}"
        )

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """An example; below the label the gradient of this loss is -x, here g."""
        lines = ["x = []"]
        for name, gradient in gradients.items():
            if gradient != "None":
                given = f"enumerate((-{gradient}){_LIST})"
                lines.append(
                    f"x += [(start[{literal(name)}] + i, v) for i, v in {given}]"
                )
        return [
            *lines,
            'example = vw.example({"f": x}, labelType=1)',
            'example.set_label_string("1e30")',
            "vw.learn(example); vw.finish_example(example)",
        ]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The accumulators beside the weights."""
        return self._set(name, array, 1)

    def save(self, name: str) -> list[str]:
        """A file of the model."""
        return [f"vw.save({literal(f'{name}.model')})"]

    def load(self, name: str, via: str) -> list[str]:
        """Another workspace, which begins with the model."""
        arguments = f"{self._arguments()} --initial_regressor {name}.model"
        return [f"vw = Workspace({literal(arguments)})"]

    def theta(self, name: str) -> str:
        """The weights as an array."""
        return self._numbers(name, 0)

    def total(self, name: str) -> str:
        """The accumulators as an array."""
        return self._numbers(name, 1)

    def _numbers(self, name: str, offset: int) -> str:
        number = f"vw.get_weight(start[{literal(name)}] + i, {offset})"
        return f"np.array([{number} for i in range({name}.size)])"
