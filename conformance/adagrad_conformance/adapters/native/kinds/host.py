"""torch: what a port must leave as it is in the process that it runs in.

Every call is made in two hosts: as this process is, and with settings that differ in
all that can be set.  A constant that a port sets is then seen in at least one of them.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, answer
from adagrad_conformance.adapters.native.torch_kit import (
    construct,
    exception,
    numbers,
    param,
    usual_options,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

from .process import PROCESS_PROBES, TORCH_PROBES, altered, as_found, put_back

__all__ = ["host_untouched"]

# -- the calls -------------------------------------------------------------------------


def _calls(adapter: TorchAdapter) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The methods that the port claims, each ready to be called."""
    options = usual_options(adapter)
    made = param(adapter, numbers(3, (4,)))
    yield "the constructor", lambda: construct(adapter, [made], options)
    yield "the constructor with groups", lambda: Bench(adapter)
    bench = Bench(adapter)
    port = bench.port
    bench.set_gradients(4)
    yield "a step", port.step
    yield "a second step", port.step
    if "closure" in adapter.claims:
        yield "a step with a closure", lambda: port.step(lambda: 0.5)
    if "save" in adapter.claims:
        yield "state_dict", port.state_dict
    if {"save", "load-deepcopy"} <= adapter.claims:
        saved = bench.saved()
        yield "load_state_dict", lambda: port.load_state_dict(saved)
        yield "a step after a load", port.step
    if "add-group" in adapter.claims:
        later = param(adapter, numbers(5, (3,)))
        later.grad = numbers(6, (3,))
        yield "add_param_group", lambda: port.add_param_group({"params": [later]})
        yield "the first step of a group", port.step
    # whether these work is for other checks to judge
    yield "share_memory", lambda: exception(lambda: port.share_memory())
    yield "a deep copy", lambda: exception(partial(copy.deepcopy, port))
    yield "repr", lambda: exception(partial(repr, port))
    if "zero-grad" in adapter.claims:
        for flag in (False, True):
            yield f"zero_grad({flag})", partial(port.zero_grad, set_to_none=flag)
    yield from _steps_in_other_formats(adapter)
    yield from _refusals(adapter)


def _steps_in_other_formats(
    adapter: TorchAdapter,
) -> Iterator[tuple[str, Callable[[], Any]]]:
    for claim, dtype in _OTHER_FORMATS.items():
        if claim in adapter.claims:
            bench = Bench(adapter, dtype=dtype)
            bench.set_gradients(4)
            yield f"a step in {claim}", bench.port.step


_OTHER_FORMATS = {
    "binary64": torch.float64,
    "bfloat16": torch.bfloat16,
    "binary16": torch.float16,
}


def _refusals(adapter: TorchAdapter) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Calls that end with an error, of the closure or of the port, which is caught."""
    bench = Bench(adapter)
    port, first = bench.port, bench.params[0]
    bench.set_gradients(4)
    if "closure" in adapter.claims:
        yield "a closure that raises", partial(exception, partial(port.step, _raises))
    if "refusals" not in adapter.claims:
        return
    if "add-group" in adapter.claims:
        again = partial(port.add_param_group, {"params": [first]})
        yield "a refused group", partial(exception, again)
    if {"save", "load-deepcopy"} <= adapter.claims:
        misfit: dict[str, Any] = {"state": {}, "param_groups": []}
        yield (
            "a refused load",
            partial(exception, partial(port.load_state_dict, misfit)),
        )
    if {"sparse", "weight-decay"} <= adapter.claims:
        first.grad = first.detach().to_sparse(1)
        yield "a refused step", partial(exception, port.step)


def _raises() -> float:
    raise ZeroDivisionError("a closure of the suite raises")


_ALL_PROBES = {**TORCH_PROBES, **PROCESS_PROBES}


def host_untouched(adapter: TorchAdapter) -> NativeAnswer:
    """No call changes a setting or a generator of the process, in either host."""
    for host, probes in ((as_found, TORCH_PROBES), (altered, _ALL_PROBES)):
        with host(), put_back():
            for call, method in _calls(adapter):
                before = {what: probe() for what, probe in probes.items()}
                modules = len(sys.modules)
                method()
                for what, probe in probes.items():
                    if what in PROCESS_PROBES and len(sys.modules) != modules:
                        continue  # a module that was imported may have done it
                    if (now := probe()) != before[what]:
                        return NativeAnswer(
                            f"{call} changed {what}" + _shown(before[what], now)
                        )
    return answer()


def _shown(before: Any, now: Any) -> str:
    """The change itself, where it is short enough for a line."""
    text = f" from {before} to {now}"
    return text if len(text) < 80 and "\n" not in text else ""
