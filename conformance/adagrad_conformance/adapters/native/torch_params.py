"""torch: the ways to give params, and the paths that step them."""

from __future__ import annotations

import itertools
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.torch_optim import TorchAdapter

from .torch_kit import (
    arguments,
    construct,
    named,
    numbers,
    param,
    refusal,
    same_bits,
    usual_options,
)

__all__ = [
    "duplicate_in_one_list",
    "iterables_of_params",
    "lone_tensor",
    "named_params",
    "paths_agree",
    "paths_agree_on_overflow",
]

# -- ways to give params ---------------------------------------------------------------


def duplicate_in_one_list(adapter: TorchAdapter) -> NativeAnswer:
    """A param twice in one list is refused, or steps as it would in two steps."""
    twice, once = (param(adapter, numbers(95, (7,))) for _ in range(2))
    options, g = usual_options(adapter), numbers(96, twice.shape)
    ports: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that it will refuse this later
        if refusal(
            adapter, lambda: ports.append(construct(adapter, [twice] * 2, options))
        ):
            return NativeAnswer()
    alone = construct(adapter, [once], options)
    for port, p in ((ports[0], twice), (alone, once), (alone, once)):
        p.grad = g.clone()
        port.step()
    if same_bits(twice.detach(), once.detach()):
        return NativeAnswer()
    return NativeAnswer("a param twice in one list does not step as two steps do")


def iterables_of_params(adapter: TorchAdapter) -> NativeAnswer:
    """Params given as any ordered iterable, in groups too, step as those of a list."""
    kinds: dict[str, Callable[[list[Any]], Any]] = {
        "a list": list,
        "a tuple": tuple,
        "a generator": iter,
        "a group with a generator": lambda ps: [{"params": iter(ps)}],
        "a generator of groups": lambda ps: ({"params": [p]} for p in ps),
        "a tuple of groups": lambda ps: tuple({"params": (p,)} for p in ps),
        "the values of a dict": lambda ps: dict(enumerate(ps)).values(),
        "the keys of a dict": lambda ps: dict.fromkeys(ps).keys(),
        "a deque": deque,
        "a filter": lambda ps: filter(torch.is_tensor, ps),
        "a chain": lambda ps: itertools.chain(ps[:1], ps[1:]),
    }
    if "groups" not in adapter.claims:
        kinds = {kind: make for kind, make in kinds.items() if "groups" not in kind}
    return NativeAnswer(_alike(adapter, kinds))


def lone_tensor(adapter: TorchAdapter) -> NativeAnswer:
    """A single tensor, which is an iterable of its rows, is refused."""
    lone = param(adapter, numbers(99, (3,)))
    if refusal(adapter, lambda: construct(adapter, lone, usual_options(adapter))):
        return NativeAnswer()
    return NativeAnswer("a single tensor is taken for an iterable of params")


def named_params(adapter: TorchAdapter) -> NativeAnswer:
    """Params with names, as torch's own optimizers take them, step as those without."""
    pair = ("weight", torch.ones(2, requires_grad=True))
    try:
        torch.optim.SGD([pair])  # type: ignore[list-item, unused-ignore]
    except TypeError:
        return NativeAnswer(skipped="this torch takes no named params")
    kinds: dict[str, Callable[[list[Any]], Any]] = {
        "a list": list,
        "named params": lambda ps: [(f"p{i}", p) for i, p in enumerate(ps)],
    }
    return NativeAnswer(_alike(adapter, kinds))


def _alike(
    adapter: TorchAdapter, kinds: dict[str, Callable[[list[Any]], Any]]
) -> str | None:
    options, results = usual_options(adapter), []
    for kind, convert in kinds.items():
        params = [param(adapter, numbers(97, (n,))) for n in (3, 1)]
        port = construct(adapter, convert(params), options)
        for p in params:
            p.grad = numbers(98, p.shape)
        port.step()
        results.append([p.detach() for p in params])
        if not same_bits(results[-1], results[0]):
            return f"params given as {kind} step otherwise than in a list"
    return None


# -- paths -----------------------------------------------------------------------------

#: The arguments that choose a path.
_PATHS: dict[str, dict[str, bool]] = {
    "default": {},
    "foreach=False": {"foreach": False},
    "foreach=True": {"foreach": True},
    "fused=True": {"fused": True},
}


def _paths(adapter: TorchAdapter) -> dict[str, dict[str, Any]]:
    """The fixed arguments for each path that the constructor has."""
    known = arguments(adapter)
    rest = {
        name: value
        for name, value in adapter.fixed.items()
        if name not in ("foreach", "fused", "differentiable")
    }
    return {
        path: {**rest, **fixed} for path, fixed in _PATHS.items() if set(fixed) <= known
    }


def _results(
    adapter: TorchAdapter, params: Callable[[], list[Any]], g: Callable[[Any], Any]
) -> dict[str, Any]:
    """Params and accumulators after two steps, by path, without refused paths."""
    found: dict[str, Any] = {}
    for path, fixed in _paths(adapter).items():
        members = params()

        def run(path: str = path, fixed: Any = fixed, members: Any = members) -> None:
            options = named(adapter, usual_options(adapter, members[0].dtype))
            port = adapter.factory(members, **fixed, **options)
            for p in members:
                p.grad = g(p)
            port.step()
            port.step()
            found[path] = [
                [p.detach().clone(), port.state.get(p, {}).get(adapter.keys[0])]
                for p in members
            ]

        refusal(adapter, run)
    return found


def _agreement(
    adapter: TorchAdapter, dtype: torch.dtype, g: Callable[[Any], Any]
) -> NativeAnswer:
    if not {"foreach", "fused"} & arguments(adapter):
        return NativeAnswer(skipped="its constructor has neither foreach nor fused")

    def params() -> list[Any]:
        return [torch.nn.Parameter(numbers(80 + n, (n,), dtype)) for n in (67, 1, 20)]

    found = _results(adapter, params, g)
    first = next(iter(found.values()))
    others = [path for path, result in found.items() if not same_bits(result, first)]
    if not others:
        return NativeAnswer()
    return NativeAnswer(f"other bits than by default with {' and '.join(others)}")


def paths_agree(adapter: TorchAdapter) -> NativeAnswer:
    """Two steps in float32 give the same bits by every path of the constructor."""
    return _agreement(adapter, torch.float32, lambda p: numbers(90, p.shape))


def paths_agree_on_overflow(adapter: TorchAdapter) -> NativeAnswer:
    """Two steps in float16 where g * g overflows give the same bits by every path."""
    return _agreement(adapter, torch.float16, lambda p: torch.full_like(p, 300.0))
