"""torch: the bench, an optimizer over a few params that records its steps.

Rule 1.  A bench records a step as it is observed; the enclosure judges it later.
Rule 2.  Two runs are compared bit for bit; those of a port without the claim `state`
         by their params alone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer, StepTaken
from adagrad_conformance.adapters.torch_optim import TorchAdapter, from_torch

from .torch_kit import construct, named, numbers, param, shown_state, usual_options

__all__ = ["SHAPES", "Bench", "answer", "judged"]

Options = dict[str, Any]
Shape = tuple[int, ...]

#: Three params of different sizes; the last one is a group of its own.
SHAPES: tuple[Shape, ...] = ((2, 3), (5,), (1,))


def answer(*benches: Bench, problem: str | None = None) -> NativeAnswer:
    """The first problem, `problem` before those of the benches, and all their steps."""
    problems = [problem, *(bench.problem for bench in benches)]
    steps = tuple(step for bench in benches for step in bench.steps)
    return NativeAnswer(next(filter(None, problems), None), steps=steps)


def judged(*benches: Bench) -> NativeAnswer:
    """The answer of a check that rests on its steps.

    It is skipped on a port without the claim `state`, whose steps cannot be judged.
    """
    found = answer(*benches)
    if found.problem or "state" in benches[0].adapter.claims:
        return found
    return NativeAnswer(skipped="it shows no state, from which to judge its steps")


class Bench:
    """An optimizer of the port over some small params, and the steps that it took.

    The last param is a group with a rate and a decay of its own, the others are one
    group; without the claim `groups` there is one group.  `options` replace some of the
    usual ones.  `t` counts the steps of each param, `steps` are the recorded ones,
    `problem` is the first problem.
    """

    def __init__(
        self,
        adapter: TorchAdapter,
        shapes: Sequence[Shape] = SHAPES,
        params: Sequence[Any] | None = None,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        **options: Any,
    ) -> None:
        self.adapter = adapter
        self.params = list(params or self._made(shapes, dtype, device))
        chosen = {**usual_options(adapter, self.params[0].dtype), **options}
        self.options = [dict(chosen) for _ in self.params]
        groups: list[Any] = self.params
        if len(self.params) > 1 and "groups" in adapter.claims:
            names: tuple[str, ...] = ("lr", "weight_decay")
            own = {name: 0.43 * chosen[name] for name in names if name in chosen}
            self.options[-1].update(own)
            groups = [
                {"params": self.params[:-1]},
                {"params": self.params[-1:], **named(adapter, own)},
            ]
        self.port = construct(adapter, groups, chosen)
        self.t = [0] * len(self.params)
        self.steps: list[StepTaken] = []
        self.problem: str | None = None

    def _made(
        self, shapes: Sequence[Shape], dtype: torch.dtype, device: str
    ) -> list[Any]:
        return [
            param(self.adapter, numbers(100 + i, shape, dtype, device))
            for i, shape in enumerate(shapes)
        ]

    def add(self, shape: Shape) -> None:
        """Add a group of one param, with the options of the constructor."""
        later = param(self.adapter, numbers(100 + len(self.params), shape))
        self.port.add_param_group({"params": [later]})
        self.params.append(later)
        self.options.append(dict(self.options[0]))
        self.t.append(0)

    # -- steps ---------------------------------------------------------------------

    def set_gradients(self, seed: int) -> None:
        """Set gradients; every fourth is None where the port claims `none-gradient`."""
        skips = "none-gradient" in self.adapter.claims
        for i, p in enumerate(self.params):
            none = skips and (seed + i) % 4 == 3
            g = numbers(1_000 * seed + i, p.shape, p.dtype)
            p.grad = None if none else g.to(p.device)

    def run(self, *seeds: int) -> Bench:
        """Take a step with the gradients of each seed; returns the bench itself."""
        for seed in seeds:
            self.set_gradients(seed)
            self.step()
        return self

    def step(
        self,
        call: Callable[[], Any] | None = None,
        gradients: Sequence[torch.Tensor | None] | None = None,
    ) -> Any:
        """Take a step by `call`, `port.step` by default, and record it.

        `gradients` are those that the step must use, by default those of the params.
        Returns what the call returns.
        """
        if gradients is None:
            gradients = [p.grad for p in self.params]
        used = [None if g is None else g.detach().clone() for g in gradients]
        before = [self._before(i) for i in range(len(self.params))]
        result = (call or self.port.step)()
        for i, g in enumerate(used):
            if g is not None:
                self.t[i] += 1
                self._record(i, before[i], g)
        return result

    def _before(self, i: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        p = self.params[i]
        total, _ = shown_state(self.adapter, self.port, p)
        if total is None:  # some ports make the accumulator at the first step
            tau = self.options[i].get("initial_accumulator_value", 0.0)
            total = torch.full_like(p, tau)
        # a param that was made wider has the value of S in its own dtype
        wide = torch.promote_types(total.dtype, p.dtype)
        return p.detach().clone(), total.detach().clone().to(wide)

    def _record(self, i: int, before: Any, gradient: torch.Tensor) -> None:
        p = self.params[i]
        if "state" not in self.adapter.claims:
            return
        total, step = shown_state(self.adapter, self.port, p)
        if total is None:
            self.fail(f"param {i} shows no accumulator after a step")
        elif "wide-state" in self.adapter.claims and total.dtype != p.dtype:
            return  # what it computes is judged by scenarios alone
        elif total.dtype != p.dtype or before[1].dtype != p.dtype:
            self.fail(f"the accumulator of a {p.dtype} param is {total.dtype}")
        elif step is not None and float(step) != self.t[i]:
            self.fail(f"the counter of param {i} is {float(step):g}, not {self.t[i]}")
        else:
            columns = (before[0], before[1], gradient.to(p.dtype), p, total)
            theta, state_sum, g, new, new_sum = (from_torch(c.cpu()) for c in columns)
            self.steps.append(
                StepTaken(
                    theta, state_sum, g, self.t[i], self._options(i), new, new_sum
                )
            )

    def _options(self, i: int) -> Options:
        return {name: _plain(value) for name, value in self.options[i].items()}

    def fail(self, problem: str) -> None:
        """Keep the problem, unless there is one already."""
        self.problem = self.problem or problem

    # -- saving and comparing -------------------------------------------------------

    def saved(self) -> Any:
        """A deep copy of the state dict."""
        return copy.deepcopy(self.port.state_dict())

    def entry(self, saved: Any, i: int = 0) -> Any:
        """What a state dict holds for the i-th param; empty where it holds nothing."""
        return saved.get("state", {}).get(i, {})

    def fresh(self) -> Bench:
        """Another optimizer over copies of the params, with other options."""
        params = [param(self.adapter, p.detach()) for p in self.params]
        other = {k: 1.5 * v for k, v in usual_options(self.adapter).items()}
        return Bench(self.adapter, params=params, **other)

    def resumed(self, saved: Any) -> Bench:
        """Another optimizer over copies of the params that has loaded `saved`."""
        other = self.fresh()
        other.port.load_state_dict(saved)
        other.t, other.options = list(self.t), [dict(o) for o in self.options]
        return other

    def around(self, port: Any) -> Bench:
        """The bench around a copy of this optimizer, which has params of its own."""
        other = copy.copy(self)
        other.port = port
        other.params = [p for group in port.param_groups for p in group["params"]]
        other.t, other.options = list(self.t), [dict(o) for o in self.options]
        other.steps, other.problem = [], None
        return other

    def bits(self) -> list[Any]:
        """Copies of params, accumulators and counters; None for what is not shown."""
        shown = []
        for p in self.params:
            total, step = shown_state(self.adapter, self.port, p)
            kept = None if total is None else total.detach().clone()
            count = None if step is None else float(step)
            shown.append([p.detach().clone(), kept, count])
        return shown


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, torch.Tensor) else value
