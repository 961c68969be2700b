"""How PyTorch tests its optimizers, written anew for any port, from a description.

There is no oracle but a few golden values: most tests compare a port with itself or ask
whether a loss becomes smaller.  As there,

- gradients come from a small linear model, the Rosenbrock function or a small net
  (usual_problems.py);
- the options are never all varied, eps is not varied at all;
- comparisons are by `torch.testing.assert_close` at its defaults, those with golden
  values by rtol=1e-3 and atol=5e-4;
- where two ways of stepping are compared, the state of one is copied into the other
  after each step.

Left out are tests of devices, compilers and memory, and of state dicts from old
versions of torch, which ports without that past rightly refuse.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from drive import Drive, Make, gaussian, native, refused, same
from usual_problems import PROBLEM_TESTS
from usual_torch_tests import TORCH_TESTS

from adagrad_conformance.adapters.base import ClosureAnswer, Layout, Reading, Tensor
from adagrad_conformance.adapters.torch_optim import from_torch
from adagrad_reference.scenario import (
    Event,
    Group,
    Load,
    New,
    Save,
    SetOption,
    SetState,
)

__all__ = ["USUAL_TESTS"]

Tensors = Mapping[str, Tensor]

#: The options that are tried, as PyTorch lists them for Adagrad.
OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "weight-decay": {"weight_decay": 0.1},
    "maximize": {"weight_decay": 0.1, "maximize": True},
    "lr": {"lr": 0.1},
    "initial-accumulator": {"initial_accumulator_value": 0.1, "weight_decay": 0.1},
    "lr-decay": {"lr": 0.1, "lr_decay": 0.5, "weight_decay": 0.1},
}


# -- a linear model --------------------------------------------------------------------


def _model(fmt: str = "binary32") -> dict[str, Tensor]:
    return {"w": gaussian("model/w", fmt, 10, 5), "b": gaussian("model/b", fmt, 10)}


def _answer(params: Tensors) -> ClosureAnswer:
    """|w x + b|^2 and its gradients."""
    w, b = native(params["w"]), native(params["b"])
    x = native(gaussian("model/x", params["w"].format, 5))
    rest = w @ x + b
    gradients = {"w": from_torch(2 * torch.outer(rest, x)), "b": from_torch(2 * rest)}
    return ClosureAnswer(gradients, float(rest.square().sum()))


def _loss(drive: Drive) -> float:
    return _answer({p: r.theta for p, r in drive.read().items()}).loss


def _descends(
    make: Make, tensors: Tensors, new: New, schedule: bool = False
) -> tuple[float, float]:
    """The loss before and after twenty steps."""
    drive = Drive(make, tensors).do(new)
    before = _loss(drive)
    for i in range(20):
        if schedule:
            drive.do(SetOption("A", 0, "lr", 0.01 * 0.9 ** (i // 10)))
        drive.closure(_answer)
    return before, _loss(drive)


_WHOLE = New("A", (Group(("w", "b")),))


def right_direction(make: Make) -> None:
    """The loss becomes smaller."""
    before, after = _descends(make, _model(), _WHOLE)
    assert after < before


def maximize_right_direction(make: Make) -> None:
    """With maximize it becomes larger."""
    new = replace(_WHOLE, options={"maximize": True})
    before, after = _descends(make, _model(), new)
    assert after > before


def strided_right_direction(make: Make) -> None:
    """Params that are every other element of something."""
    tensors = {
        name: replace(t, layout=_every_other(t.shape)) for name, t in _model().items()
    }
    before, after = _descends(make, tensors, _WHOLE)
    assert after < before


def _every_other(shape: tuple[int, ...]) -> Layout:
    length = 2 * functools.reduce(int.__mul__, shape)
    strides = (2 * shape[1], 2) if len(shape) == 2 else (2,)
    return Layout(length, 0, strides, 0)


def groups_right_direction(make: Make) -> None:
    """Two groups, one with a rate of its own."""
    groups = (Group(("w",)), Group(("b",), {"lr": 1e-2}))
    before, after = _descends(make, _model(), New("A", groups, {"lr": 1e-3}))
    assert after < before


def scheduled_right_direction(make: Make) -> None:
    """With a rate that a scheduler lowers."""
    before, after = _descends(make, _model(), _WHOLE, schedule=True)
    assert after < before


# -- the port against itself -----------------------------------------------------------


def _given(i: int) -> dict[str, Tensor]:
    shapes = {"w": (3, 2), "b": (3,), "v": (1, 3), "c": (1,)}
    return {p: gaussian(f"given/{p}/{i}", "binary64", *s) for p, s in shapes.items()}


def groups_agree(options: Mapping[str, Any]) -> Callable[[Make], None]:
    """All params in one group, and a group for each; state is copied back."""

    def run(make: Make) -> None:
        tensors = _given(-1)
        one = Drive(make, tensors).new(**options)
        apart = tuple(Group((name,)) for name in tensors)
        other = Drive(make, tensors).do(New("A", apart, options))
        for i in range(7):
            gradients = {p: None if i == 3 else g for p, g in _given(i).items()}
            shown = one.step(gradients).read()
            same(shown, other.step(gradients).read())
            other.do(*_copied(shown))

    return run


def _copied(shown: Mapping[str, Reading]) -> list[Event]:
    return [
        SetState("A", name, reading.state_sum, reading.t)
        for name, reading in shown.items()
        if reading.state_sum is not None and reading.t is not None
    ]


def resumed(via: Any) -> Callable[[Make], None]:
    """Five steps, saved, loaded into a new optimizer of the same options, five more."""

    def run(make: Make) -> None:
        options, tensors = OPTIONS["lr-decay"], _given(-1)
        through = Drive(make, tensors).new(**options)
        cut = Drive(make, tensors).new(**options)
        for i in range(5):
            through.step(_given(i))
            cut.step(_given(i))
        cut.do(Save("A", "s")).new("B", **options).do(Load("B", "s", via))
        for i in range(5, 10):
            shown = through.step(_given(i)).read()
            same(shown, cut.step(_given(i), "B").read("B"))

    return run


def no_gradient_is_noop(make: Make) -> None:
    """Without gradients nothing moves, whatever the weight decay."""
    drive = Drive(make, _model()).new(weight_decay=0.1)
    drive.step({"w": None, "b": None})
    assert {p: r.theta.bits for p, r in drive.read().items()} == {
        p: t.bits for p, t in _model().items()
    }


def zero_gradient_is_noop(make: Make) -> None:
    """With gradients of zero and without weight decay nothing moves."""
    drive = Drive(make, _model()).new()
    drive.step({p: replace(t, bits=(0,) * t.size) for p, t in _model().items()})
    for name, tensor in _model().items():
        torch.testing.assert_close(drive.thetas()[name], native(tensor))


def gradients_untouched(make: Make) -> None:
    """Nothing writes into the gradients."""
    drive = Drive(make, _model()).new(weight_decay=0.1, maximize=True)
    given = _answer(_model()).gradients
    for _ in range(2):
        drive.step(given)
        assert {p: r.gradient for p, r in drive.read().items()} == given


def errors(make: Make) -> None:
    """A negative lr or lr_decay and a param in two groups are refused."""
    for name in ("lr", "lr_decay"):
        assert refused(lambda name=name: Drive(make, _model()).new(**{name: -0.5}))
    twice = New("A", (Group(("w",)), Group(("w", "b"))))
    assert refused(lambda: Drive(make, _model()).do(twice))


def complex_is_pairs(make: Make) -> None:
    """A complex param, and the same numbers as pairs of real ones."""

    def numbers(name: str) -> tuple[Tensor, Tensor]:
        pairs = gaussian(name, "binary32", 5, 5, 2)
        return replace(pairs, shape=(5, 5), complex=True), pairs

    start, pairs = numbers("complex")
    one, other = Drive(make, {"p": start}).new(), Drive(make, {"p": pairs}).new()
    for i in range(3):
        gradient, paired = numbers(f"complex/{i}")
        shown = one.step({"p": gradient}).thetas()
        wanted = other.step({"p": paired}).thetas()
        torch.testing.assert_close(shown["p"], wanted["p"])


_OPTIONS = ("defaults", "lr-decay", "weight-decay", "initial-accumulator-value")

#: Name, what a port must claim for it, and the test, which raises where it fails.
USUAL_TESTS: tuple[tuple[str, tuple[str, ...], Callable[[Make], None]], ...] = (
    ("right-direction", ("binary32", "defaults", "closure"), right_direction),
    (
        "maximize-right-direction",
        ("binary32", "defaults", "closure", "maximize"),
        maximize_right_direction,
    ),
    (
        "strided-right-direction",
        ("binary32", "defaults", "closure", "layout"),
        strided_right_direction,
    ),
    (
        "groups-right-direction",
        ("binary32", "defaults", "closure", "groups"),
        groups_right_direction,
    ),
    (
        "scheduled-right-direction",
        ("binary32", "defaults", "closure", "set-option"),
        scheduled_right_direction,
    ),
    *(
        (
            f"groups-agree-{name}",
            ("binary64", *_OPTIONS, "maximize", "groups", "state-write"),
            groups_agree(options),
        )
        for name, options in OPTIONS.items()
    ),
    *(
        (
            f"resumed-{via}",
            ("binary64", *_OPTIONS, "save", f"load-{via}"),
            resumed(via),
        )
        for via in ("deepcopy", "bytes")
    ),
    (
        "no-gradient-is-noop",
        ("binary32", "defaults", "weight-decay", "none-gradient"),
        no_gradient_is_noop,
    ),
    ("zero-gradient-is-noop", ("binary32", "defaults"), zero_gradient_is_noop),
    (
        "gradients-untouched",
        ("binary32", "defaults", "weight-decay", "maximize", "gradients"),
        gradients_untouched,
    ),
    ("errors", ("binary32", "defaults", "lr-decay", "refusals", "groups"), errors),
    ("complex-is-pairs", ("binary32", "defaults", "complex"), complex_is_pairs),
    *PROBLEM_TESTS,
    *TORCH_TESTS,
)
