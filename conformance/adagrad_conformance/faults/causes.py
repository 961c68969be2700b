"""What may explain complaints, before it is chosen to be a fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adagrad_reference.dialects import Dialect

from .complaints import Complaint
from .conditions import Condition
from .rules import Rule

__all__ = ["Cause", "classes_by_place", "places_of"]


@dataclass
class Cause:
    """A candidate; `gain` is what it explains without what it costs, in checks."""

    slug: str
    words: str
    kind: str
    gain: float
    #: the class that its condition hints at, or the requirement that it breaks; or ""
    place: str = ""
    explains: set[Complaint] = field(default_factory=set)
    against: int = 0
    dialect: Dialect | None = None
    switch: tuple[str, str] | None = None  #: of a dialect that says the same
    root: str = ""  #: the slug without its condition
    rule: Rule | None = None  #: what is computed instead
    is_open: bool = False  #: no cause was found
    is_placed: bool = False  #: of a mechanism: its condition hints at a class
    #: the complaints explained among units that were not looked at
    extend: Callable[[], set[Complaint]] | None = None


#: The class of fault that an atom hints at, by the beginning of its slug; the first
#: that matches counts.
_HINTS: Sequence[tuple[str, re.Pattern[str]]] = tuple(
    (kind, re.compile("|".join(beginnings)))
    for kind, beginnings in (
        ("complex", ("the-param-is-complex", "a-param-is-of-complex")),
        (
            "sparse",
            (
                "its-gradient-is-sparse",
                "a-gradient-of-the-step-is-sparse",
                "a-sparse",
                "rows-of-its",
            ),
        ),
        ("interface", (".*left-to-its-default",)),
        (
            "layout",
            (
                *("tail-", "past-", "(not-)?(first|last)-element", ".*has-strides"),
                *("dimensions", "size", "params-have", "a-param-has"),
            ),
        ),
        (
            "state",
            (
                *(".*was-changed", "another-", "optimizers", "group", "the-group"),
                *("a-group", "the-state", "a-state", "loads", "params"),
                "it-is-(not-)?the-first-param",
            ),
        ),
        (
            "gradients",
            (
                *(
                    "a-closure",
                    "an-earlier",
                    "its-gradient-is-(none|zero)",
                    "the-gradient-is-that",
                ),
                *("gradient-0", "zero_grad", "a-gradient-of-the-step"),
            ),
        ),
        ("decay", ("weight[-_]decay", "maximize-on")),
        ("rate", ("lr-decay-", "t-", "later-step")),
        ("numerics", ("(the|a)-param-is-b", "gradient-not-finite")),
    )
)


def places_of(found: Condition) -> list[str]:
    """The classes of fault that a condition hints at, that of the first atom first."""
    kinds: dict[str, None] = {}
    for atom in found.atoms:
        matching = (kind for kind, start in _HINTS if start.match(atom.slug))
        kinds.update(dict.fromkeys(list(matching)[:1]))
    return list(kinds)


def classes_by_place(found: Condition, default: str) -> tuple[str, str]:
    """(kind, place) of a fault of which the condition alone is known."""
    places = places_of(found)
    return (places[0], places[-1]) if places else (default, "")
