"""What people compare an Adagrad with today, on the ports that the suite judges.

Each method is played through the ports' own adapters.  A method has one or more tests;
one that raises, for whatever reason, is an alarm: a wrong port that is caught, or a
right one that is accused.

    allclose       params after ten steps on random data, with the default options, in
                   binary32, by `torch.allclose` at its defaults
    assert-close   the same by `torch.testing.assert_close` at its defaults
    grid           64 settings of the options in binary64 and in binary32, five steps
                   each; params, accumulators and counters by `assert_close`
    grid-16-bit    the same in bfloat16 and binary16
    usual-tests    what PyTorch tests of its own optimizers (usual_tests.py)

All but the last compare with torch.optim.Adagrad as it comes, in the same format, which
is a friendly choice: it rounds as most ports do.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from drive import Drive, Make, gaussian, native, oracle, same
from usual_tests import USUAL_TESTS

from adagrad_conformance.adapters.base import Reading

__all__ = ["GRID", "METHODS", "Alarms", "Methods", "Probe", "alarms", "setting"]

STEPS, GRID_STEPS = 10, 5
SHAPES: Mapping[str, tuple[int, ...]] = {"w": (10, 5), "b": (10,)}

#: What the grid is made of; the first setting is nearest to the defaults.
GRID: Mapping[str, tuple[Any, ...]] = {
    "lr": (0.01, 0.5),
    "lr_decay": (0.0, 0.1),
    "weight_decay": (0.0, 0.1),
    "eps": (1e-10, 1e-3),
    "initial_accumulator_value": (0.0, 0.1),
    "maximize": (False, True),
}

Readings = Mapping[str, Reading]


@dataclass(frozen=True)
class Probe:
    """One test of a method: it raises where it finds fault."""

    name: str
    claims: frozenset[str]  #: what a port must claim for it
    run: Callable[[Make], None]


@dataclass(frozen=True)
class Alarms:
    """The tests of a method that raised, of those that the port could be given."""

    raised: tuple[str, ...]
    played: int


Methods = Mapping[str, Sequence[Probe]]


def alarms(make: Make, methods: Methods | None = None) -> dict[str, Alarms]:
    """The alarms of each method on a port; all methods, unless told otherwise."""
    claims = make().claims
    found = {}
    for method, tests in (methods or METHODS).items():
        fitting = [test for test in tests if test.claims <= claims]
        raised = tuple(test.name for test in fitting if _raises(test, make))
        found[method] = Alarms(raised, len(fitting))
    return found


def _raises(test: Probe, make: Make) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            test.run(make)
        except Exception:
            return True
    return False


# -- comparing with torch --------------------------------------------------------------


def trained(make: Make, fmt: str, options: tuple[tuple[str, Any], ...]) -> Readings:
    """What the port shows after some steps on random data."""
    drive = Drive(make, {p: gaussian(p, fmt, *shape) for p, shape in SHAPES.items()})
    drive.new(**dict(options))
    for i in range(GRID_STEPS if options else STEPS):
        drive.step({p: gaussian(f"{p}{i}", fmt, *s) for p, s in SHAPES.items()})
    return drive.read()


@functools.cache
def due(fmt: str, options: tuple[tuple[str, Any], ...]) -> Readings:
    """What torch shows, computed once."""
    return trained(oracle, fmt, options)


def _pairs(make: Make) -> Iterator[tuple[Any, Any]]:
    shown, wanted = trained(make, "binary32", ()), due("binary32", ())
    for name, reading in wanted.items():
        yield native(shown[name].theta), native(reading.theta)


def all_close(make: Make) -> None:
    """By torch.allclose."""
    assert all(torch.allclose(shown, wanted) for shown, wanted in _pairs(make))


def assert_close(make: Make) -> None:
    """By torch.testing.assert_close."""
    for shown, wanted in _pairs(make):
        torch.testing.assert_close(shown, wanted)


def setting(
    fmt: str,
    options: tuple[tuple[str, Any], ...],
    fixed: tuple[tuple[str, Any], ...] = (),
) -> Probe:
    """A port beside torch at some options; those that it fixes need no claim."""

    def run(make: Make) -> None:
        same(trained(make, fmt, options), due(fmt, options))

    named = {name.replace("_", "-") for name, _ in options if name != "lr"}
    named -= {name.replace("_", "-") for name, _ in fixed}
    words = ",".join(f"{name}={value}" for name, value in options)
    return Probe(f"{fmt}/{words}", frozenset({fmt, *named}), run)


def _grid(*formats: str) -> Iterator[Probe]:
    for fmt in formats:
        for values in itertools.product(*GRID.values()):
            yield setting(fmt, tuple(zip(GRID, values, strict=True)))


_PLAIN = frozenset({"binary32", "defaults"})

#: Every method and its tests.
METHODS: Methods = {
    "allclose": (Probe("allclose", _PLAIN, all_close),),
    "assert-close": (Probe("assert-close", _PLAIN, assert_close),),
    "grid": tuple(_grid("binary64", "binary32")),
    "grid-16-bit": tuple(_grid("bfloat16", "binary16")),
    "usual-tests": tuple(
        Probe(name, frozenset(claims), run) for name, claims, run in USUAL_TESTS
    ),
}
