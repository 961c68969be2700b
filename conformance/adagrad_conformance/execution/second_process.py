"""A load in a new process: what has to be there before the load itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from adagrad_conformance.adapters.base import ClosureAnswer, Malformed, Reading
from adagrad_conformance.checks.kinds import Place
from adagrad_conformance.transport.client import Client
from adagrad_reference.options import Options
from adagrad_reference.scenario import Group, New, Tensor

__all__ = ["current_tensors", "moved"]


def moved(
    client: Client,
    tensors: Mapping[str, Tensor],
    optimizer: str,
    groups: list[tuple[tuple[str, ...], Options]],
    named: Collection[str] = (),
) -> Client:
    """The port's second process, which holds the tensors and a fresh optimizer.

    Options that the scenario has `named` are given there, too, and those that differ
    from the document's defaults.  A single group has them from the constructor, so that
    a port needs no groups.  Raises as the methods of `Client`; `Refused` where the
    optimizer is refused there.
    """
    second = client.second_process()
    second.begin(tensors)
    second.event(_fresh(optimizer, groups, named), _no_closure)
    return second


def _fresh(
    optimizer: str,
    groups: list[tuple[tuple[str, ...], Options]],
    named: Collection[str],
) -> New:
    def given(options: Options) -> dict[str, float | bool]:
        return {**{n: getattr(options, n) for n in named}, **options.changed()}

    if len(groups) > 1:
        return New(optimizer, tuple(Group(p, given(o)) for p, o in groups))
    ((params, options),) = groups
    return New(optimizer, (Group(params),), given(options))


def current_tensors(
    given: Mapping[str, Tensor], readings: Mapping[Place, Reading]
) -> dict[str, Tensor]:
    """The given params with the theta of the readings, whichever optimizer has them."""
    shown: dict[str, Tensor] = {}
    for (_, param), reading in readings.items():
        shown.setdefault(param, reading.theta)
    return {name: _current(like, shown.get(name, like)) for name, like in given.items()}


def _current(like: Tensor, theta: Tensor) -> Tensor:
    """`like` with the bits of theta; a theta of another shape counts for nothing."""
    return replace(like, bits=theta.bits) if theta.shape == like.shape else like


def _no_closure(params: Mapping[str, Tensor]) -> ClosureAnswer:
    raise Malformed("a closure was asked for where there is none", "unasked")
