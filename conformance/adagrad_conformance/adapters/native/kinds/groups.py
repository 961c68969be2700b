"""torch: groups without params, groups that change by hand, and params replaced.

A program may edit the list of params of a group: to prune a layer, or to swap a tensor.
"""

from __future__ import annotations

import copy
from typing import Any

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, answer, judged
from adagrad_conformance.adapters.native.torch_kit import (
    construct,
    exception,
    named,
    numbers,
    param,
    refusal,
    same_bits,
    usual_options,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = [
    "emptied_and_refilled",
    "empty_groups",
    "empty_groups_taken",
    "replaced_param",
]

_LOADS = {"save", "load-deepcopy"}


def _among_empty(adapter: TorchAdapter, bench: Bench) -> Bench:
    """The params of `bench` in an optimizer whose groups stand among empty ones.

    The empty groups, before, between and after the others, have other options.
    """
    own: list[dict[str, Any]] = [
        {name: options[name] for name in ("lr", "weight_decay") if name in options}
        for options in (bench.options[0], bench.options[-1])
    ]
    other = named(adapter, {name: 3.7 * value for name, value in own[0].items()})
    groups: list[Any] = []
    for params, options in zip(
        (bench.params[:-1], bench.params[-1:]), own, strict=True
    ):
        groups.append({"params": [], **other})
        groups.append({"params": params, **named(adapter, options)})
    groups.append({"params": [], **other})
    return bench.around(construct(adapter, groups, bench.options[0]))


def empty_groups(adapter: TorchAdapter) -> NativeAnswer:
    """Among groups without params all others keep their options, state and place.

    The check is skipped where such groups are refused.
    """
    made: list[Bench] = []

    def begin() -> None:
        made.append(_among_empty(adapter, Bench(adapter)).run(1, 2))

    if said := refusal(adapter, begin):
        return NativeAnswer(skipped=f"groups without params are refused: {said}")
    bench = made[0]
    benches = [bench]
    if adapter.claims >= _LOADS:
        other = _among_empty(adapter, bench.fresh())
        other.port.load_state_dict(bench.saved())
        other.t, other.options = list(bench.t), copy.deepcopy(bench.options)
        if not same_bits(other.run(3, 4).bits(), bench.run(3, 4).bits()):
            bench.fail("loaded into groups of which some are empty, it goes otherwise")
        benches.append(other)
    if "add-group" in adapter.claims:
        empty: Any = {"params": []}
        refusal(adapter, lambda: bench.port.add_param_group(empty))
        bench.add((4,))
        bench.run(5)
    return answer(*benches) if len(benches) > 1 else judged(*benches)


def empty_groups_taken(adapter: TorchAdapter) -> NativeAnswer:
    """No method fails where a group has no params, nor where all have none."""
    benches: list[Bench] = []

    def alone() -> None:
        construct(adapter, [{"params": []}], usual_options(adapter)).step()

    def made() -> None:
        benches.append(_among_empty(adapter, Bench(adapter)))

    calls = {"the constructor": made, "a step without any param": alone}
    for what, call in calls.items():
        if said := exception(call):
            return NativeAnswer(f"{what} fails on groups without params: {said}")
    bench = benches[0].run(1)
    methods = {
        "zero_grad": bench.port.zero_grad,
        "state_dict": bench.port.state_dict,
        "load_state_dict": lambda: bench.port.load_state_dict(bench.saved()),
        "add_param_group": lambda: bench.port.add_param_group({"params": []}),
        "share_memory": getattr(bench.port, "share_memory", lambda: None),
        "repr": lambda: repr(bench.port),
    }
    for what, method in methods.items():
        if said := exception(method):
            return NativeAnswer(f"{what} fails on groups without params: {said}")
    return answer(bench.run(2))


def emptied_and_refilled(adapter: TorchAdapter) -> NativeAnswer:
    """A group that is emptied is not stepped; refilled, it goes on from its state."""
    bench = Bench(adapter).run(4)
    listed = bench.port.param_groups[0]["params"]
    absent = list(listed)
    listed.clear()
    bench.set_gradients(8)
    before = bench.bits()[: len(absent)]
    bench.step(gradients=[*[None] * len(absent), bench.params[-1].grad])
    if not same_bits(bench.bits()[: len(absent)], before):
        bench.fail("params that were taken out of their group are stepped all the same")
    listed.extend(absent)
    return judged(bench.run(12))


def replaced_param(adapter: TorchAdapter) -> NativeAnswer:
    """After a param is replaced by hand, a step is refused or the state is whole."""
    bench = Bench(adapter).run(4)
    new = param(adapter, numbers(300, (4,)))
    bench.port.param_groups[0]["params"][0] = new
    bench.params[0], bench.t[0] = new, 0
    bench.set_gradients(8)
    before = bench.bits()[1:]
    if said := refusal(adapter, bench.step):
        if same_bits(bench.bits()[1:], before):
            return NativeAnswer()
        return NativeAnswer(f"a replaced param is refused too late: {said}")
    if said := exception(bench.port.state_dict):
        kind = said.partition(":")[0]  # the text may hold an address
        return NativeAnswer(
            f"a replaced param is stepped, but then state_dict() fails by {kind}"
        )
    return answer(bench)
