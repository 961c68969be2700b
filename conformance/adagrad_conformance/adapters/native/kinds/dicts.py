"""torch: the dicts that define groups: what a program puts in, and what comes back."""

from __future__ import annotations

import copy
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, answer
from adagrad_conformance.adapters.native.torch_kit import (
    construct,
    exception,
    numbers,
    own_name,
    param,
    refusal,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["given_dicts", "group_labels", "names_of_params"]

_LOADS = {"save", "load-deepcopy"}

#: Keys of a program's own, as libraries around torch put them into groups.
_LABELS: dict[str, Any] = {"name": "head", "lr_scale": 0.3, "tags": ["a", 7], "x": None}


def given_dicts(adapter: TorchAdapter) -> NativeAnswer:
    """Dicts that are given stay as they are, and serve a second optimizer as well."""
    bench, rate = Bench(adapter), own_name(adapter, "lr")
    given = [{"params": [p]} for p in bench.params]
    later = {"params": [param(adapter, numbers(7, (4,)))]}
    first = construct(adapter, given, bench.options[0])
    if "add-group" in adapter.claims:
        first.add_param_group(later)
    changed = [group for group in (*given, later) if set(group) != {"params"}]
    if changed:
        bench.fail(f"the dict of a group got {len(changed[0]) - 1} entries more")
    second = construct(adapter, given, {**bench.options[0], "lr": 0.19})
    if second.param_groups[0][rate] != 0.19:
        shown = second.param_groups[0][rate]
        bench.fail(f"made from the same dicts with lr 0.19, an optimizer has {shown}")
    second.param_groups[0][rate] = 0.23
    if first.param_groups[0][rate] == 0.23:
        bench.fail("two optimizers that were made from the same dicts share options")
    return answer(bench)


def group_labels(adapter: TorchAdapter) -> NativeAnswer:
    """Entries of the program's own in a group are kept, saved and loaded."""
    bench = Bench(adapter)
    given = [
        {**group, **copy.deepcopy(_LABELS)} if place == 0 else dict(group)
        for place, group in enumerate(bench.port.param_groups)
    ]
    made: list[Bench] = []

    def make() -> None:
        made.append(bench.around(construct(adapter, given, bench.options[0])))

    if said := exception(make):
        return NativeAnswer(f"a group with an entry of the program's fails: {said}")
    labelled = made[0].run(4, 8)
    if lost := _lost(labelled):
        labelled.fail(f"{lost} of a group is lost in steps")
    if adapter.claims >= _LOADS:
        other = labelled.resumed(labelled.saved())
        if lost := _lost(other):
            other.fail(f"{lost} of a group is lost by saving and loading")
        made.append(other.run(12))
    return answer(*made)


def _lost(bench: Bench) -> str | None:
    """The first label that the first group has no longer."""
    group = bench.port.param_groups[0]
    lost = (key for key, value in _LABELS.items() if group.get(key, "") != value)
    return next(lost, None)


def names_of_params(adapter: TorchAdapter) -> NativeAnswer:
    """Names given with params stay with their groups, are saved, and come back."""
    bench = Bench(adapter)
    pairs = [(f"layer.{i}", p) for i, p in enumerate(bench.params)]
    sgd = torch.optim.SGD
    model: list[Any] = [("w", torch.nn.Parameter(torch.ones(2)))]
    try:
        known = "param_names" in sgd(model).param_groups[0]
    except TypeError:
        known = False
    if not known:
        return NativeAnswer(skipped="this torch knows no names of params")
    port = construct(adapter, pairs, bench.options[0])
    if "add-group" in adapter.claims:
        later = param(adapter, numbers(7, (4,)))
        port.add_param_group({"params": [("late", later)]})
        unnamed = {"params": [param(adapter, numbers(8, (2,)))]}
        if not refusal(adapter, lambda: port.add_param_group(unnamed)):
            bench.fail("a group without names is taken beside groups with names")
    due = [group.get("param_names") for group in port.param_groups]
    if due[0] != [name for name, _ in pairs]:
        bench.fail(f"the names of a group are {due[0]}")
    if "save" in adapter.claims:
        groups = port.state_dict()["param_groups"]
        if [group.get("param_names") for group in groups] != due:
            bench.fail("names of params are not saved")
    return answer(bench)
