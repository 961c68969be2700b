"""The Rosenbrock function and a small net, as PyTorch's tests of optimizers have them.

Their gradients follow the port: each is taken where the port's params are.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from drive import Drive, Make, gaussian, oracle

from adagrad_conformance.adapters.base import Sparse, Tensor
from adagrad_conformance.adapters.torch_optim import from_torch

__all__ = ["PROBLEM_TESTS"]


# -- the Rosenbrock function -----------------------------------------------------------

START = torch.tensor([1.5, 1.5])
ITERATIONS = 1200  # the minimum has come nearer after 1000


def _slope(p: Any) -> Any:
    x, y = p.tolist()
    slope = (-400 * x * (y - x * x) - 2 * (1 - x), 200 * (y - x * x))
    return torch.tensor(slope, dtype=p.dtype)


def _coordinate(p: Any, i: int) -> Any:
    """The slope along one coordinate; they take turns."""
    return _slope(p) * torch.tensor([(i + 1) % 2, i % 2], dtype=p.dtype)


def _start(make: Make) -> Drive:
    return Drive(make, {"p": from_torch(START)}).new(lr=0.1)


def rosenbrock(make: Make) -> None:
    """The minimum comes nearer."""
    drive, p = _start(make), START
    for i in range(ITERATIONS):
        p = drive.step({"p": from_torch(_coordinate(p, i))}).thetas()["p"]
    assert torch.dist(p, torch.ones(2)) <= torch.dist(START, torch.ones(2))


def rosenbrock_sparse(make: Make) -> None:
    """Sparse gradients in two pieces do what dense ones do."""
    dense, sparse, p = _start(make), _start(make), START
    for i in range(ITERATIONS):
        slope = _coordinate(p, i)
        value = slope[i % 2]
        pieces = from_torch(torch.stack([value / 4, value - value / 4]))
        rows = Sparse((2,), (i % 2, i % 2), pieces)
        wanted = dense.step({"p": from_torch(slope)}).thetas()["p"]
        p = sparse.step({"p": rows}).thetas()["p"]
        torch.testing.assert_close(p, wanted)


# -- golden values ---------------------------------------------------------------------

_XOR = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
_LABELS = torch.tensor([[0.0], [1], [1], [0]], dtype=torch.float64)
SAMPLES, EVERY = 4, 75


def _net() -> dict[str, Tensor]:
    shapes = {"w1": (3, 2), "b1": (3,), "w2": (1, 3), "b2": (1,)}
    return {p: gaussian(f"net/{p}", "binary64", *s) for p, s in shapes.items()}


def _net_gradients(params: Mapping[str, Any]) -> dict[str, Tensor]:
    """Of the mean binary cross entropy, by hand."""
    hidden = torch.sigmoid(_XOR @ params["w1"].T + params["b1"])
    output = torch.sigmoid(hidden @ params["w2"].T + params["b2"])
    outer = (output - _LABELS) / len(_XOR)
    inner = outer @ params["w2"] * hidden * (1 - hidden)
    slopes = {
        "w1": inner.T @ _XOR,
        "b1": inner.sum(0),
        "w2": outer.T @ hidden,
        "b2": outer.sum(0),
    }
    return {name: from_torch(slope) for name, slope in slopes.items()}


def _sampled(make: Make, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    drive = Drive(make, _net()).new(**options)
    params, samples = drive.thetas(), []
    for i in range(SAMPLES * EVERY):
        params = drive.step(_net_gradients(params)).thetas()
        if i % EVERY == EVERY - 1:
            samples.append(params)
    return samples


#: As the tests of torch's C++ optimizers have it.
GOLDEN: Mapping[str, Mapping[str, Any]] = {
    "plain": {"lr": 1.0},
    "weight-decay": {"lr": 1.0, "weight_decay": 1e-2},
    "both-decays": {"lr": 1.0, "weight_decay": 1e-2, "lr_decay": 1e-3},
}


@functools.cache
def _golden(which: str) -> list[dict[str, Any]]:
    return _sampled(oracle, GOLDEN[which])


def golden(which: str) -> Callable[[Make], None]:
    """A net learns XOR; its params now and then are those that torch makes."""

    def run(make: Make) -> None:
        shown = _sampled(make, GOLDEN[which])
        for mine, wanted in zip(shown, _golden(which), strict=True):
            for name, value in wanted.items():
                assert torch.allclose(mine[name], value, rtol=1e-3, atol=5e-4)

    return run


#: As in usual_tests.py.
PROBLEM_TESTS: tuple[tuple[str, tuple[str, ...], Callable[[Make], None]], ...] = (
    ("rosenbrock", ("binary32", "defaults"), rosenbrock),
    ("rosenbrock-sparse", ("binary32", "defaults", "sparse"), rosenbrock_sparse),
    *(
        (
            f"golden-{which}",
            ("binary64", "defaults", "lr-decay", "weight-decay"),
            golden(which),
        )
        for which in GOLDEN
    ),
)
