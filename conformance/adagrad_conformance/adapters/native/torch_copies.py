"""torch: optimizers that are pickled, copied, saved to a file, or of an older version.

A restored optimizer must continue bit for bit.
"""

from __future__ import annotations

import copy
import pickle
import sys
import tempfile
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.torch_optim import TorchAdapter

from .torch_bench import Bench, answer, judged
from .torch_kit import exception, own_name, same_bits

__all__ = [
    "copied_optimizer",
    "file_at_every_cut",
    "old_checkpoint",
    "older_checkpoint",
    "pickled_optimizer",
]

_STEPS = (1, 2, 3, 4)


def _cannot_be_pickled(port: Any) -> NativeAnswer | None:
    """The answer for a class that pickle cannot find, such as one of a function."""
    cls = type(port)
    thing: Any = sys.modules.get(cls.__module__)
    for name in cls.__qualname__.split("."):
        thing = getattr(thing, name, None)
    if thing is cls:
        return None
    return NativeAnswer(skipped=f"{cls.__qualname__} cannot be imported by its name")


def pickled_optimizer(adapter: TorchAdapter) -> NativeAnswer:
    """The optimizer itself, with its params, through pickle."""
    bench = Bench(adapter).run(1, 2)
    if skipped := _cannot_be_pickled(bench.port):
        return skipped
    other = bench.around(pickle.loads(pickle.dumps(bench.port)))
    if not same_bits(other.bits(), bench.bits()):
        return NativeAnswer("a pickled optimizer has another state")
    differs = not same_bits(other.run(3, 4).bits(), bench.run(3, 4).bits())
    return answer(problem="a pickled optimizer goes on otherwise" if differs else None)


def copied_optimizer(adapter: TorchAdapter) -> NativeAnswer:
    """A deep copy steps; the original keeps every bit, and then steps like the copy."""
    bench = Bench(adapter).run(1, 2)
    before = bench.bits()
    other = bench.around(copy.deepcopy(bench.port))
    if not same_bits(other.bits(), before):
        return NativeAnswer("a copied optimizer has another state")
    other.run(3, 4)
    if not same_bits(bench.bits(), before):
        return NativeAnswer("stepping a copied optimizer moved the original")
    differs = not same_bits(other.bits(), bench.run(3, 4).bits())
    return answer(problem="a copied optimizer goes on otherwise" if differs else None)


def file_at_every_cut(adapter: TorchAdapter) -> NativeAnswer:
    """Saved by torch.save after 0 to 4 steps, and loaded with weights_only=True."""
    bench = Bench(adapter)
    others = [_through_a_file(bench)]
    for seed in _STEPS:
        bench.run(seed)
        others.append(_through_a_file(bench))
    due = bench.bits()
    for cut, other in enumerate(others):
        if not same_bits(other.run(*_STEPS[cut:]).bits(), due):
            return NativeAnswer(
                f"saved after {cut} steps and resumed, it goes otherwise"
            )
    return answer()


def _through_a_file(bench: Bench) -> Bench:
    with tempfile.TemporaryFile() as file:
        torch.save(bench.port.state_dict(), file)
        file.seek(0)
        return bench.resumed(torch.load(file, weights_only=True))


# -- older versions --------------------------------------------------------------------

#: Options that torch's Adagrad got after its optimizers could be pickled.
_LATER_OPTIONS = ("foreach", "maximize", "differentiable", "fused")


def _of_an_older_version(
    adapter: TorchAdapter, missing: tuple[str, ...]
) -> NativeAnswer:
    """An optimizer pickled without some options must step with their defaults."""
    kept: dict[str, Any] = {"eps": 1e-10} if "eps" in missing else {}
    bench = Bench(adapter, **kept).run(1, 2)
    if skipped := _cannot_be_pickled(bench.port):
        return skipped
    for place in (*bench.port.param_groups, bench.port.defaults):
        for name in missing:
            place.pop(own_name(adapter, name), None)
    raw = pickle.dumps(bench.port)
    others: list[Bench] = []

    def go_on() -> None:
        others.append(bench.around(pickle.loads(raw)))
        others[0].run(3, 4)

    if said := exception(go_on):
        names = ", ".join(missing)
        return NativeAnswer(
            f"a pickled optimizer without {names} does not step: {said}"
        )
    return judged(*others)


def old_checkpoint(adapter: TorchAdapter) -> NativeAnswer:
    """A pickled optimizer without foreach, maximize, differentiable and fused."""
    return _of_an_older_version(adapter, _LATER_OPTIONS)


def older_checkpoint(adapter: TorchAdapter) -> NativeAnswer:
    """A pickled optimizer without these and eps."""
    return _of_an_older_version(adapter, (*_LATER_OPTIONS, "eps"))
