"""torch: saves at odd moments, counters of every kind, and groups added to copies."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, answer, judged
from adagrad_conformance.adapters.native.torch_kit import exception, own_name, same_bits
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = [
    "copied_with_model",
    "copies_take_groups",
    "counters_of_every_kind",
    "large_counters",
    "saves_change_nothing",
]

#: What is raised for a class without a place, and for one that holds a foreign handle.
_NOT_OFFERED = (pickle.PicklingError, AttributeError, TypeError)

_HIDDEN = NativeAnswer(skipped="the state dict does not show the counter")

# -- saves -----------------------------------------------------------------------------


def saves_change_nothing(adapter: TorchAdapter) -> NativeAnswer:
    """Saved while fresh, twice, by every way, and shown: the run goes on as without."""
    bench, twin = Bench(adapter), Bench(adapter)
    _save_by_every_way(bench)
    for seed in (4, 8):
        _save_by_every_way(bench.run(seed))
        twin.run(seed)
    if not same_bits(bench.bits(), twin.bits()):
        bench.fail("a run that is saved again and again goes otherwise")
    return answer(bench)


def _save_by_every_way(bench: Bench) -> None:
    before, gradients = bench.bits(), [p.grad for p in bench.params]
    first = bench.saved()
    if not same_bits(bench.saved(), first):
        bench.fail("two saves in a row differ")
    saved = bench.port.state_dict()
    ways: tuple[Callable[[], Any], ...] = (
        lambda: torch.save(saved, io.BytesIO()),
        lambda: pickle.dumps(saved),
        lambda: repr(bench.port),
        lambda: copy.deepcopy(bench.port),
    )
    for way in ways:
        exception(way)  # whether a way works is for other checks to judge
    if not same_bits(bench.bits(), before):
        bench.fail("saving or showing an optimizer changed theta, S or t")
    if any(p.grad is not g for p, g in zip(bench.params, gradients, strict=True)):
        bench.fail("saving or showing an optimizer changed a gradient")
    if not same_bits(bench.saved(), first):
        bench.fail("an optimizer that was saved or shown saves otherwise")


# -- counters --------------------------------------------------------------------------

_DTYPES = (
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.float16,
    torch.bfloat16,
)


def _kinds() -> dict[str, Callable[[float], Any]]:
    kinds: dict[str, Callable[[float], Any]] = {
        f"a tensor of {dtype}": partial(torch.tensor, dtype=dtype) for dtype in _DTYPES
    }
    kinds["a tensor of one element"] = lambda t: torch.tensor([t])
    kinds["a NumPy int64"] = np.int64
    kinds["a NumPy float32"] = np.float32
    return kinds


def _with_counters(bench: Bench, convert: Callable[[float], Any], t: int) -> Any:
    """What the bench saves, with counters that are `t`; None where it shows none."""
    saved, step = bench.saved(), bench.adapter.keys[1]
    entries = [bench.entry(saved, i) for i in range(len(bench.params))]
    if not all(step in entry for entry in entries):
        return None
    for entry in entries:
        entry[step] = convert(t)
    return saved


def _counted(
    adapter: TorchAdapter, kinds: dict[str, Callable[[float], Any]], t: int
) -> NativeAnswer:
    bench = Bench(adapter).run(4)
    benches: list[Bench] = []
    for kind, convert in kinds.items():
        saved = _with_counters(bench, convert, t)
        if saved is None:
            return _HIDDEN

        def go_on(saved: Any = saved) -> None:
            benches.append(other := bench.resumed(saved))
            other.t = [t] * len(other.params)
            other.run(8, 12)

        if said := exception(go_on):
            return NativeAnswer(f"a counter {t} that is {kind} is refused: {said}")
        if said := benches[-1].problem:
            return NativeAnswer(f"a counter {t} that is {kind}: {said}")
    return judged(*benches)


def counters_of_every_kind(adapter: TorchAdapter) -> NativeAnswer:
    """A loaded counter of any dtype, of one element, or a NumPy scalar goes on."""
    return _counted(adapter, _kinds(), 100)


def large_counters(adapter: TorchAdapter) -> NativeAnswer:
    """A loaded counter of 2^24, which binary32 cannot add 1 to, goes on counting."""
    kinds: dict[str, Callable[[float], Any]] = {
        "a tensor of torch.float32": partial(torch.tensor, dtype=torch.float32),
        "a tensor of torch.float64": partial(torch.tensor, dtype=torch.float64),
        "a tensor of torch.int64": partial(torch.tensor, dtype=torch.int64),
        "an int": int,
    }
    return _counted(adapter, kinds, 2**24)


# -- copies ----------------------------------------------------------------------------


def copied_with_model(adapter: TorchAdapter) -> NativeAnswer:
    """Copied or pickled together with its params, the copy steps those of the copy."""
    bench = Bench(adapter).run(4)
    pair = (bench.params, bench.port)
    ways: dict[str, Callable[[], Any]] = {
        "copied": lambda: copy.deepcopy(pair),
        "pickled": lambda: pickle.loads(pickle.dumps(pair)),
    }
    others: dict[str, Bench] = {}
    for way, make in ways.items():
        try:
            params, port = make()
        except _NOT_OFFERED:
            continue
        others[way] = other = bench.around(port)
        if any(p is not q for p, q in zip(params, other.params, strict=True)):
            bench.fail(f"{way} with its params, an optimizer has params of its own")
    due = bench.run(8, 12).bits()
    for way, other in others.items():
        if not same_bits(other.run(8, 12).bits(), due):
            bench.fail(f"{way} with its params, an optimizer goes otherwise")
    return answer(bench, *others.values())


def copies_take_groups(adapter: TorchAdapter) -> NativeAnswer:
    """A group is added to a copy, a pickled and a resumed optimizer, and to the first.

    All go on alike, with the options of the constructor in the new group.
    """
    bench = Bench(adapter).run(4)
    ways: dict[str, Callable[[], Any]] = {
        "copy": lambda: copy.deepcopy(bench.port),
        "pickled optimizer": lambda: pickle.loads(pickle.dumps(bench.port)),
    }
    others: dict[str, Bench] = {}
    for way, make in ways.items():
        try:
            others[way] = bench.around(make())
        except _NOT_OFFERED:
            continue
    bench.add((4,))
    due = bench.run(8, 12).bits()
    for way, other in others.items():
        other.add((4,))
        rate = other.port.param_groups[-1][own_name(adapter, "lr")]
        if rate != bench.port.param_groups[-1][own_name(adapter, "lr")]:
            bench.fail(f"a group added to a {way} has the rate {rate}")
        if not same_bits(other.run(8, 12).bits(), due):
            bench.fail(f"a {way} goes otherwise after a group was added")
    return answer(bench, *others.values())
