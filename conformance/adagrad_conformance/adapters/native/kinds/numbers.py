"""torch: the types of numbers that options may have, and options given by position."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, judged
from adagrad_conformance.adapters.native.torch_kit import (
    exception,
    numbers,
    own_name,
    param,
    usual_options,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = [
    "options_by_position",
    "options_of_numpy",
    "options_of_python_types",
    "options_that_are_bools",
    "options_that_are_tensors",
]

Convert = Callable[[float], Any]


class _Percentage(float):
    """A float of a class of the program's own."""


#: Types whose values are floats, or stand for floats wherever Python takes one.
_PYTHON: dict[str, Convert] = {
    "an int": lambda value: max(1, round(3 * value)),
    "a float of a subclass": _Percentage,
    "a NumPy float64": np.float64,
}
#: A flag of a configuration that stands for 1.
_BOOLS: dict[str, Convert] = {
    "a bool": lambda value: True,
    "a NumPy bool": lambda value: np.True_,
}
#: What sweeps over arrays hand over.
_NUMPY: dict[str, Convert] = {
    "a NumPy float32": np.float32,
    "a NumPy float16": np.float16,
    "a NumPy int64": lambda value: np.int64(max(1, round(3 * value))),
}
#: What searches for hyperparameters by gradients, and compiled loops, hand over.
_TENSORS: dict[str, Convert] = {
    "a tensor of float32": lambda value: torch.tensor(value, dtype=torch.float32),
    "a tensor of float64": lambda value: torch.tensor(value, dtype=torch.float64),
    "a tensor of int64": lambda value: torch.tensor(max(1, round(3 * value))),
}
_LATER = ("lr", "lr_decay", "weight_decay", "eps")


def _typed(
    adapter: TorchAdapter, kinds: dict[str, Convert], must_take: bool = False
) -> NativeAnswer:
    """Every option of every type, one type at a time, as the value that it has.

    Types that the constructor refuses are left out, but where it `must_take` them.
    """
    benches: list[Bench] = []
    for kind, convert in kinds.items():
        given = {k: convert(v) for k, v in usual_options(adapter).items()}
        try:
            bench = Bench(adapter, ((3,),), **given)
        except adapter.refusals as refused:
            if must_take:
                return NativeAnswer(f"options each of which is {kind}: {refused}")
            continue
        bench.options[0] = {k: float(v) for k, v in given.items()}
        benches.append(bench)
        if said := exception(partial(bench.run, 4, 8)):
            return NativeAnswer(f"options each of which is {kind}: {said}")
    if benches:
        return judged(*benches)
    return NativeAnswer(skipped="its constructor refuses all of these types")


def options_of_python_types(adapter: TorchAdapter) -> NativeAnswer:
    """Options as ints and as floats of a subclass, in the constructor and later."""
    found = _typed(adapter, _PYTHON, must_take=True)
    if found.problem or found.skipped or "set-option" not in adapter.claims:
        return found
    bench = Bench(adapter, ((3,),)).run(4)
    for name in _LATER:
        if name in bench.options[0]:
            bench.port.param_groups[0][own_name(adapter, name)] = 1
            bench.options[0][name] = 1.0
    later = judged(bench.run(8, 12))
    return NativeAnswer(later.problem, steps=found.steps + later.steps)


def options_that_are_bools(adapter: TorchAdapter) -> NativeAnswer:
    """Options that are True are 1, or are refused by the constructor."""
    return _typed(adapter, _BOOLS)


def options_of_numpy(adapter: TorchAdapter) -> NativeAnswer:
    """Options that are NumPy scalars have their value, or the constructor refuses."""
    return _typed(adapter, _NUMPY)


def options_that_are_tensors(adapter: TorchAdapter) -> NativeAnswer:
    """Options that are tensors have their value, or the constructor refuses."""
    return _typed(adapter, _TENSORS)


#: The order in which the document's signature has the options.
_ORDER = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")


def options_by_position(adapter: TorchAdapter) -> NativeAnswer:
    """Options by position are those of the document's signature, in its order.

    A constructor that takes any number of arguments by position may refuse them.
    """
    parameters = inspect.signature(adapter.factory).parameters.values()
    positional = {p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    any_number = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    named_alike = {own_name(adapter, name) for name in _ORDER} <= positional
    if not named_alike and not any_number:
        return NativeAnswer(skipped="it does not take every option by position")
    options = usual_options(adapter)
    if set(options) != set(_ORDER):
        return NativeAnswer(skipped="it does not claim every option of the document")
    bench = Bench(adapter, ((3,),))
    p = param(adapter, numbers(100, (3,)))
    values = [options[name] for name in _ORDER]
    try:
        port = adapter.factory([p], *values, **adapter.fixed)
    except adapter.refusals as refused:
        if named_alike:
            raise
        return NativeAnswer(skipped=f"it takes no options by position: {refused}")
    return judged(bench.around(port).run(4, 8))
