"""Visits about options and groups."""

from __future__ import annotations

from collections.abc import Callable

from adagrad_conformance.adapters.claims import ALL_OPTIONS
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import AddGroup, Group, New, SetOption

from .conversation import Doctor, Exchange
from .fixtures import (
    OPTIONS,
    make_ready,
    new_over,
    params_of,
    plain_options,
    step_with,
    tensor_of,
)

__all__ = [
    "add_group",
    "defaults",
    "each_option",
    "mixed_formats",
    "refusals",
    "set_option",
    "two_groups",
    "zero_of",
]


def defaults(doctor: Doctor) -> None:
    """An optimizer without options."""
    doctor.begin("begin", params_of(doctor, "p"))
    doctor.event("new without options", new_over(doctor, ("p",), options={}))


def each_option(doctor: Doctor) -> None:
    """An optimizer with each claimed option, and a step."""
    for claim in sorted(ALL_OPTIONS):
        if doctor.claims(claim):
            doctor.claim, name = claim, claim.replace("-", "_")
            options = {**plain_options(doctor), name: OPTIONS[name]}
            doctor.begin("begin", params_of(doctor, "p"))
            doctor.event(f"new with {name}", new_over(doctor, ("p",), options=options))
            step_with(doctor, "p")


def zero_of(option: str) -> Callable[[Doctor], None]:
    """A visit that makes an optimizer in which an option is 0."""

    def go(doctor: Doctor) -> None:
        doctor.begin("begin", params_of(doctor, "p"))
        options = {**plain_options(doctor), option: 0.0}
        doctor.event(
            f"new with {option} = 0", new_over(doctor, ("p",), options=options)
        )

    return go


def set_option(doctor: Doctor) -> None:
    """Change every option that can be chosen."""
    make_ready(doctor, "p")
    named = [c.replace("-", "_") for c in sorted(ALL_OPTIONS) if doctor.claims(c)]
    free = [n for n in ("lr", *named) if n not in doctor.identity.constants]
    for name in free:
        if name != "initial_accumulator_value":  # of no effect after the start
            event = SetOption("A", 0, name, OPTIONS[name])
            doctor.event(f"set-option {name}", event)
    doctor.read("read", ["p"])


def set_lr(doctor: Doctor) -> None:
    """Change lr alone, of a port that claims no more."""
    make_ready(doctor, "p")
    if "lr" not in doctor.identity.constants:
        doctor.event("set-option lr", SetOption("A", 0, "lr", OPTIONS["lr"]))
    doctor.read("read", ["p"])


def refusals(doctor: Doctor) -> None:
    """An illegal option is refused, and the port goes on."""
    doctor.begin("begin", params_of(doctor, "p"))
    bad = new_over(doctor, ("p",), options={**plain_options(doctor), "lr": -1.0})
    doctor.event("new with lr = -1", bad, expected="refused")
    if "ahead" in doctor.takes:  # a read may be on its way behind what is refused
        question = {"op": "read", "optimizer": "A"}
        doctor.ask("read what was refused", question, "read-answer", "any")
    doctor.event("new with a legal lr", new_over(doctor, ("p",)))
    doctor.read("read", ["p"])


def two_groups(doctor: Doctor) -> None:
    """Two groups, one with an option of its own."""
    doctor.begin("begin", params_of(doctor, "p", "q"))
    second = Group(("q",), {"lr": doctor.identity.constants.get("lr", 0.25)})
    new = New("A", (Group(("p",)), second), plain_options(doctor))
    doctor.event("new with two groups", new)
    step_with(doctor, "p", "q")
    doctor.read("read", ["p", "q"])


def add_group(doctor: Doctor) -> None:
    """A param in a group that is added later."""
    doctor.begin("begin", params_of(doctor, "p", "q"))
    doctor.event("new over p", new_over(doctor, ("p",)))
    doctor.event("add-group with q", AddGroup("A", Group(("q",))))
    doctor.read("read: p and q", ["p", "q"])


def mixed_formats(doctor: Doctor) -> None:
    """A param in each claimed format, in one optimizer."""
    claimed = [name for name in FORMATS if doctor.claims(name)]
    if len(claimed) < 2:
        advice = "claim the formats too, or do not claim 'mixed-formats'"
        doctor.report(Exchange("two formats", problem="one is claimed", advice=advice))
        return
    tensors = {f"p{i}": tensor_of(name, [1.5, -2.0]) for i, name in enumerate(claimed)}
    doctor.begin("begin with a param in each format", tensors)
    doctor.event("new over all", new_over(doctor, tuple(tensors)))
    step_with(doctor, *tensors)
    doctor.read("read", list(tensors))
