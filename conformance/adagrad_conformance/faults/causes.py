"""What may explain complaints, before it is chosen to be a fault."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adagrad_reference.dialects import Dialect

from .complaints import Complaint
from .rules import Rule

__all__ = ["Cause", "class_of_condition", "place_of_condition"]


@dataclass
class Cause:
    """A candidate; `gain` is what it explains without what it costs, in checks."""

    slug: str
    words: str
    kind: str
    gain: float
    explains: set[Complaint] = field(default_factory=set)
    against: int = 0
    dialect: Dialect | None = None
    switch: tuple[str, str] | None = None  #: of a dialect that says the same
    root: str = ""  #: the slug without its condition
    rule: Rule | None = None  #: what is computed instead
    #: the complaints explained among units that were not looked at
    extend: Callable[[], set[Complaint]] | None = None


#: Beginnings of the parts of a condition's slug, by the class of fault that they hint
#: at; the first that is found counts.
_HINTS: Sequence[tuple[str, tuple[str, ...]]] = (
    (
        "layout",
        (
            *("tail-", "past-", "first-element", "last-element", "not-first-element"),
            *("the-param-or-its-gradient-has-strides", "the-param-has-strides"),
            *("the-gradient-has-strides", "dimensions", "size", "params-have"),
            "a-param-has",
        ),
    ),
    ("complex", ("a-param-is-of-complex", "the-param-is-complex")),
    ("numerics", ("a-param-is",)),
    ("sparse", ("its-gradient-is-sparse", "a-sparse", "rows-of-its")),
    ("interface", ("left-to-its-default",)),
    (
        "decay",
        ("weight-decay-o", "weight-decay-from", "weight-decay-to", "maximize-on"),
    ),
    ("rate", ("lr-decay-",)),
    (
        "state",
        (
            *("weight_decay", "another-optimizer", "optimizers", "group", "the-group"),
            *("a-group", "the-state", "a-state", "loads", "another-param", "an-option"),
        ),
    ),
    (
        "gradients",
        (
            *("a-closure", "an-earlier", "its-gradient", "the-gradient-is-that"),
            *("gradient-0", "zero_grad"),
        ),
    ),
    ("rate", ("t-", "later-step")),
    ("numerics", ("the-param-is-b", "gradient-not-finite")),
)

#: Classes that tell where a fault is, whatever is computed there.
_PLACES = {"layout", "complex", "sparse", "state"}


def place_of_condition(slug: str, kind: str) -> str:
    """The class of a fault that computes something known under a condition."""
    found = class_of_condition(slug, kind)
    return found if found in _PLACES else kind


def class_of_condition(slug: str, default: str) -> str:
    """The class of a fault of which the condition alone is known."""
    low = f"-{slug.lower()}"
    found = (kind for kind, hints in _HINTS if any(f"-{hint}" in low for hint in hints))
    return next(found, default)
