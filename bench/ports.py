"""Seconds per step of the suite's own ports, beside torch's, on one thread.

All ports take turns at every repetition (A, B, A, B, ...), so that what else the
machine does falls on each of them alike and the ratios of one run can be compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

import numpy as np
import torch

from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad, Param
from adagrad_conformance.adapters.own.torch_foreach import ForeachAdagrad
from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

__all__ = ["measure"]

BUDGET = 3e8
REPETITIONS = (7, 2001)
WARM_UP = 3


def measure(
    sizes: Iterable[int] = (10**3, 10**5, 10**7),
    pieces: int = 1,
    budget: float = BUDGET,
) -> list[dict[str, float]]:
    """Time a float32 step over `pieces` params that have `size` elements together.

    Each port takes about `budget / size` steps, within REPETITIONS.
    Returns one row per size: `size`, the median seconds per step under `torch_single`,
    `torch_foreach`, `own_foreach`, `own_single` and `numpy`, and the ratios
    `own_foreach/torch_foreach` and `numpy/torch_single`.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [_row(size, pieces, budget) for size in sizes]
    finally:
        torch.set_num_threads(threads)


def _row(size: int, pieces: int, budget: float) -> dict[str, float]:
    steps = _ports(size, pieces)
    times: dict[str, list[float]] = {name: [] for name in steps}
    low, high = REPETITIONS
    for i in range(WARM_UP + max(low, min(high, int(budget / size)))):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if i >= WARM_UP:
                times[name].append(time.perf_counter() - start)
    row = {"size": float(size)} | {name: median(t) for name, t in times.items()}
    row["own_foreach/torch_foreach"] = row["own_foreach"] / row["torch_foreach"]
    row["numpy/torch_single"] = row["numpy"] / row["torch_single"]
    return row


def _ports(size: int, pieces: int) -> dict[str, Callable[[], Any]]:
    """Build the five optimizers, each with its own copy of the same data."""
    rng = np.random.default_rng(size)
    data, grad = rng.standard_normal((2, size), dtype=np.float32)
    cuts = list(zip(*(np.array_split(x, pieces) for x in (data, grad)), strict=True))

    def tensors() -> list[torch.Tensor]:
        made = [torch.tensor(x) for x, _ in cuts]
        for p, (_, g) in zip(made, cuts, strict=True):
            p.grad = torch.tensor(g)
        return made

    return {
        "torch_single": torch.optim.Adagrad(tensors(), foreach=False).step,
        "torch_foreach": torch.optim.Adagrad(tensors(), foreach=True).step,
        "own_foreach": ForeachAdagrad(tensors()).step,
        "own_single": SingleTensorAdagrad(tensors()).step,
        "numpy": Adagrad([Param(x.copy(), g.copy()) for x, g in cuts]).step,
    }


def main() -> None:
    """Print the table for one param and for twenty."""
    for pieces in (1, 20):
        rows = measure(pieces=pieces)
        print(f"microseconds per step, {pieces} param(s)")
        print(
            "".join(f"{name:>26}" if "/" in name else f"{name:>14}" for name in rows[0])
        )
        for row in rows:
            print("".join(_cell(name, value) for name, value in row.items()))


def _cell(name: str, value: float) -> str:
    if "/" in name:
        return f"{value:26.2f}"
    return f"{value:14.0f}" if name == "size" else f"{value * 1e6:14.1f}"


if __name__ == "__main__":
    main()
