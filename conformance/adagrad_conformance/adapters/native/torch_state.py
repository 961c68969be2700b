"""torch: the form of a state dict, and which dicts can be loaded."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.torch_optim import TorchAdapter

from .torch_bench import Bench, answer, judged
from .torch_kit import (
    exception,
    named,
    numbers,
    own_name,
    param,
    refusal,
    same_bits,
    shown_state,
)

__all__ = [
    "accepts_other_counters",
    "entries",
    "group_after_load",
    "keeps_precision",
    "refuses_missing_option",
    "refuses_missing_sum",
    "refuses_other_shape",
    "source_unchanged",
    "strided_sum",
]

_HIDDEN = NativeAnswer(skipped="the state dict does not show accumulator and counter")


def entries(adapter: TorchAdapter) -> NativeAnswer:
    """The dict has exactly state and param_groups; params are indices in order."""
    return NativeAnswer(_wrong_entries(adapter))


def _wrong_entries(adapter: TorchAdapter) -> str | None:
    bench = Bench(adapter).run(1, 2)
    saved = bench.port.state_dict()
    if set(saved) != {"state", "param_groups"}:
        return f"the entries are {sorted(map(str, saved))}"
    groups = saved["param_groups"]
    indices = [i for group in groups for i in group["params"]]
    count = len(bench.params)
    if indices != list(range(count)) or not set(saved["state"]) <= set(indices):
        return f"params appear as {indices}, state as {list(saved['state'])}"
    if "state" in adapter.claims and len(saved["state"]) != count:
        return f"there is state for {sorted(saved['state'])} of {count} params"
    for group in groups:
        due = named(adapter, bench.options[group["params"][0]])
        shown = {name: group[name] for name in due if name in group}
        if _in_binary32(shown) != _in_binary32(due):
            return f"a group's options are {shown}, not {due}"
    return None


def _in_binary32(options: dict[str, Any]) -> dict[str, float]:
    """Options rounded to binary32: a port may keep them in a narrower format."""
    return {
        name: torch.tensor(float(value), dtype=torch.float32).item()
        for name, value in options.items()
    }


def source_unchanged(adapter: TorchAdapter) -> NativeAnswer:
    """Loading leaves every bit and entry of the dict, which can be loaded again."""
    bench = Bench(adapter).run(1, 2, 3)
    saved = bench.saved()
    kept = copy.deepcopy(saved)
    bench.resumed(saved)
    if not same_bits(saved, kept):
        return NativeAnswer("loading a state dict changed it")
    second = bench.resumed(saved)
    if not same_bits(saved, kept):
        return NativeAnswer("loading a state dict a second time changed it")
    differs = not same_bits(second.run(4).bits(), bench.run(4).bits())
    return answer(
        problem="the dict loaded twice goes on otherwise" if differs else None
    )


# -- dicts in other forms --------------------------------------------------------------


def strided_sum(adapter: TorchAdapter) -> NativeAnswer:
    """S is loaded transposed, and as every other element of a larger tensor."""
    bench = Bench(adapter, shapes=((5, 7), (9,), (3, 2))).run(1, 2)
    saved, total = bench.saved(), adapter.keys[0]
    for i in range(len(bench.params)):
        entry = bench.entry(saved, i)
        if total not in entry:
            return _HIDDEN
        entry[total] = _restrided(entry[total])
    other = bench.resumed(saved)
    if not same_bits(other.bits(), bench.bits()):
        return NativeAnswer("S is another one after loading it with other strides")
    return answer(other.run(3, 4))


def _restrided(t: torch.Tensor) -> torch.Tensor:
    """The same elements with other strides.

    The columns of a matrix become contiguous.  The elements of a vector get gaps, which
    hold a number that no accumulator of the check has.
    """
    if t.dim() > 1:
        return t.t().contiguous().t()
    wide = torch.full((2 * t.numel(),), 777.0, dtype=t.dtype)
    wide[::2] = t
    return wide[::2]


def accepts_other_counters(adapter: TorchAdapter) -> NativeAnswer:
    """A counter is loaded as int, float, or a tensor of an integer or float dtype."""
    bench = Bench(adapter).run(1, 2)
    saved, step, benches = bench.saved(), adapter.keys[1], list[Bench]()
    entries = [bench.entry(saved, i) for i in range(len(bench.params))]
    if not all(step in entry for entry in entries):
        return _HIDDEN

    def go_on() -> None:
        benches.append(bench.resumed(copy.deepcopy(saved)))
        benches[-1].run(3, 4)

    kinds: dict[str, Callable[[float], Any]] = {"an int": int, "a float": float}
    for dtype in (torch.int64, torch.float32, torch.float64):
        kinds[f"a tensor of {dtype}"] = partial(torch.tensor, dtype=dtype)
    for kind, convert in kinds.items():
        for entry in entries:
            entry[step] = convert(float(entry[step]))
        if said := exception(go_on):
            return NativeAnswer(f"a counter stored as {kind} is refused: {said}")
    return judged(*benches)


def keeps_precision(adapter: TorchAdapter) -> NativeAnswer:
    """A binary32 S of a bfloat16 param has the same value after loading."""
    p = param(adapter, numbers(5, (7,), torch.bfloat16))
    bench = Bench(adapter, params=[p]).run(1)
    saved, total = bench.saved(), adapter.keys[0]
    if total not in bench.entry(saved):
        return _HIDDEN
    wide = numbers(6, (7,)).abs()
    saved["state"][0][total] = wide.clone()
    other = bench.resumed(saved)
    shown, _ = shown_state(adapter, other.port, other.params[0])
    kept = torch.equal(shown.detach().double(), wide.double())
    if not kept:
        return NativeAnswer(f"a loaded S of torch.float32 became {shown.dtype}")
    other.set_gradients(2)
    if said := exception(other.port.step):
        return NativeAnswer(f"no step after loading a S of torch.float32: {said}")
    return NativeAnswer()


# -- dicts that must be refused --------------------------------------------------------


def _refused(adapter: TorchAdapter, spoil: Callable[[Any], str]) -> NativeAnswer:
    """A saved dict must be refused after `spoil`, which returns what it made wrong."""
    bench = Bench(adapter).run(1, 2)
    saved = bench.saved()
    if adapter.keys[0] not in bench.entry(saved):
        return _HIDDEN
    wrong = spoil(saved)
    other = bench.fresh()
    if refusal(adapter, lambda: other.port.load_state_dict(saved)):
        return NativeAnswer()
    return NativeAnswer(f"a dict was loaded {wrong}")


def refuses_other_shape(adapter: TorchAdapter) -> NativeAnswer:
    """A dict with an S of another shape than its param is refused."""

    def spoil(saved: Any) -> str:
        saved["state"][0][adapter.keys[0]] = torch.full((4, 3), 0.7)
        return "whose S has shape (4, 3) for a param of shape (2, 3)"

    return _refused(adapter, spoil)


def refuses_missing_sum(adapter: TorchAdapter) -> NativeAnswer:
    """A dict without the S of a param is refused."""

    def spoil(saved: Any) -> str:
        del saved["state"][1][adapter.keys[0]]
        return "that lacks the S of a param"

    return _refused(adapter, spoil)


def refuses_missing_option(adapter: TorchAdapter) -> NativeAnswer:
    """A dict without the rate, which every version has had, is refused."""

    def spoil(saved: Any) -> str:
        del saved["param_groups"][-1][own_name(adapter, "lr")]
        return "that lacks lr in a group"

    return _refused(adapter, spoil)


# -- after a load ----------------------------------------------------------------------


def group_after_load(adapter: TorchAdapter) -> NativeAnswer:
    """A group added after a load has the rate of the loading constructor."""
    bench = Bench(adapter).run(1)
    other = bench.resumed(bench.saved())
    later = param(adapter, numbers(7, (4,)))
    other.port.add_param_group({"params": [later]})
    rate = other.port.param_groups[-1][own_name(adapter, "lr")]
    due = other.fresh().port.param_groups[0][own_name(adapter, "lr")]
    if rate == due:
        return NativeAnswer()
    return NativeAnswer(f"lr of a group added after a load is {rate}, not {due}")
