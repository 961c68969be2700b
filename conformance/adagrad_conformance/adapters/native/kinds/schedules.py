"""torch: every scheduler of torch, and schedules over groups that are added later.

The rates that are due are those that the same scheduler gives to torch.optim.SGD.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import lr_scheduler, swa_utils

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, judged
from adagrad_conformance.adapters.native.torch_kit import own_name
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["every_scheduler", "schedulers_of_later_groups"]

Schedule = Callable[[Any], Any]


def _for_each(make: Callable[..., Any], port: Any, value: Any, name: str) -> Any:
    """A scheduler that is given a list, with an entry for each group."""
    return make(port, **{name: [value] * len(port.param_groups)})


_SCHEDULES: dict[str, Schedule] = {
    "LambdaLR": lambda port: _for_each(
        lr_scheduler.LambdaLR, port, lambda k: 1 / (1 + k), "lr_lambda"
    ),
    "MultiplicativeLR": lambda port: _for_each(
        lr_scheduler.MultiplicativeLR, port, lambda k: 0.83, "lr_lambda"
    ),
    "MultiStepLR": lambda port: lr_scheduler.MultiStepLR(port, [1, 2], gamma=0.3),
    "ConstantLR": lambda port: lr_scheduler.ConstantLR(port, 0.3, total_iters=2),
    "LinearLR": lambda port: lr_scheduler.LinearLR(port, 0.2, total_iters=3),
    "PolynomialLR": lambda port: lr_scheduler.PolynomialLR(port, 5, power=1.7),
    "CosineAnnealingLR": lambda port: lr_scheduler.CosineAnnealingLR(port, 3),
    "CosineAnnealingWarmRestarts": lambda port: (
        lr_scheduler.CosineAnnealingWarmRestarts(port, 2)
    ),
    "CyclicLR": lambda port: lr_scheduler.CyclicLR(
        port, 0.1, 0.9, step_size_up=2, cycle_momentum=False
    ),
    "OneCycleLR": lambda port: lr_scheduler.OneCycleLR(
        port,
        [0.9 / (1 + i) for i in range(len(port.param_groups))],
        total_steps=9,
        cycle_momentum=False,
    ),
    "SequentialLR": lambda port: lr_scheduler.SequentialLR(
        port,
        [lr_scheduler.ConstantLR(port, 0.1), lr_scheduler.ExponentialLR(port, 0.7)],
        milestones=[1],
    ),
    "ChainedScheduler": lambda port: lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(port, 0.1), lr_scheduler.ExponentialLR(port, 0.7)]
    ),
    "ReduceLROnPlateau": lambda port: _for_each(
        lambda port, min_lr: lr_scheduler.ReduceLROnPlateau(
            port, factor=0.3, patience=0, min_lr=min_lr
        ),
        port,
        0.01,
        "min_lr",
    ),
    "SWALR": lambda port: swa_utils.SWALR(port, swa_lr=0.05, anneal_epochs=2),
}


def _known() -> dict[str, Schedule]:
    """The schedules that this torch has."""
    modules = (lr_scheduler, swa_utils)
    return {
        name: schedule
        for name, schedule in _SCHEDULES.items()
        if any(hasattr(module, name) for module in modules)
    }


class _Pair:
    """A bench, and an SGD with groups of the same rates, under one kind of schedule."""

    def __init__(self, adapter: TorchAdapter, schedule: Schedule) -> None:
        self.bench = Bench(adapter)
        self.model = torch.optim.SGD([self._group(g) for g in self._groups()], lr=0.7)
        self.schedule = schedule
        self.schedulers: list[Any] = []

    def _groups(self) -> list[Any]:
        return list(self.bench.port.param_groups)

    @staticmethod
    def _group(group: Any) -> dict[str, Any]:
        p = torch.nn.Parameter(torch.ones(1))
        p.grad = torch.ones(1)
        return {"params": [p], "lr": float(group["lr"])}

    def begin(self, *, model_alone: bool = False) -> None:
        """Make the schedulers; `model_alone` tries whether torch allows it at all."""
        self.schedulers = [self.schedule(self.model)]
        if not model_alone:
            self.schedulers.append(self.schedule(self.bench.port))

    def run(self, *seeds: int) -> None:
        """A step of both for each seed, at the rates that the SGD has."""
        for seed in seeds:
            due = [group["lr"] for group in self.model.param_groups]
            shown = [group["lr"] for group in self._groups()]
            if all(isinstance(rate, float) for rate in shown) and shown != due:
                self.bench.fail(f"rates are {shown}, where SGD has {due}")
            self._expect(due)
            self.bench.run(seed)
            self.model.step()
            for scheduler in self.schedulers:
                _advance(scheduler)

    def _expect(self, due: list[float]) -> None:
        """The options of each param have the rate of its group."""
        rates = {
            id(p): rate
            for group, rate in zip(self._groups(), due, strict=True)
            for p in group["params"]
        }
        for p, options in zip(self.bench.params, self.bench.options, strict=True):
            options["lr"] = rates[id(p)]

    def add(self) -> None:
        """Add a group to both, at the rate of the constructor."""
        self.bench.add((4,))
        self.model.add_param_group(self._group(self._groups()[-1]))

    def allowed(self, programme: Callable[[_Pair], None]) -> bool:
        """Whether SGD takes what the programme asks of it."""
        try:
            programme(self)
        except (ValueError, RuntimeError, KeyError, IndexError):
            return False
        return True


def _without_lr(adapter: TorchAdapter) -> NativeAnswer | None:
    if own_name(adapter, "lr") == "lr":
        return None
    return NativeAnswer(skipped="its rate does not stand under lr, as schedulers need")


def _named(name: str, pair: _Pair) -> Bench:
    """The bench; its problem begins with the name of the schedule."""
    if pair.bench.problem:
        pair.bench.problem = f"{name}: {pair.bench.problem}"
    return pair.bench


def every_scheduler(adapter: TorchAdapter) -> NativeAnswer:
    """Every scheduler of torch gives the rates that SGD gets, and they are used."""
    if skipped := _without_lr(adapter):
        return skipped
    benches = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of schedulers that call each other
        for name, schedule in _known().items():
            pair = _Pair(adapter, schedule)
            pair.begin()
            pair.run(4, 8, 12)
            benches.append(_named(name, pair))
    return judged(*benches)


def schedulers_of_later_groups(adapter: TorchAdapter) -> NativeAnswer:
    """A schedule is made anew, with lists as long as the groups, when one was added.

    Schedules that torch does not allow on such groups of an SGD are left out.
    """
    if skipped := _without_lr(adapter):
        return skipped
    benches = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, schedule in _known().items():
            trial, pair = _Pair(adapter, schedule), _Pair(adapter, schedule)
            if trial.allowed(_begin_twice):
                pair.begin()
                pair.run(4)
                pair.add()
                pair.begin()
                pair.run(8, 12)
            benches.append(_named(name, pair))
    return judged(*benches)


def _begin_twice(pair: _Pair) -> None:
    pair.begin(model_alone=True)
    pair.add()
    pair.begin(model_alone=True)
    for _ in range(2):
        pair.model.step()
        for scheduler in pair.schedulers:
            _advance(scheduler)


def _advance(scheduler: Any) -> None:
    """One step of the scheduler; the metric, where it wants one, stays the same."""
    plateau = isinstance(scheduler, lr_scheduler.ReduceLROnPlateau)
    scheduler.step(*((1.0,) if plateau else ()))
