"""What may explain complaints, before it is chosen to be a fault."""

from __future__ import annotations

from collections.abc import Callable
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


#: Parts of a condition's slug, and the class of fault that they hint at.
_HINTS = (
    *(("tail-", "layout"), ("past-", "layout"), ("element", "layout")),
    *(("strides", "layout"), ("dimensions", "layout"), ("size", "layout")),
    *(("complex", "complex"), ("sparse", "sparse"), ("weight-decay", "decay")),
    *(("weight_decay", "decay"), ("maximize", "decay"), ("lr-decay", "rate")),
    *(("lr_decay", "rate"), ("t-from", "rate"), ("later-step", "rate")),
    *(("own-event", "state"), ("optimizer", "state"), ("added", "state")),
    *(("own-", "state"), ("loaded", "state"), ("loads", "state"), ("saved", "state")),
    *(("none", "gradients"), ("zero", "gradients"), ("closure", "gradients")),
    *(("changed", "state"), ("same-shape", "state"), ("written", "state")),
    *(("binary", "numerics"), ("bfloat16", "numerics"), ("float", "numerics")),
    *(("finite", "numerics"), ("exponent", "numerics")),
)


#: Classes that tell where a fault is, whatever is computed there.
_PLACES = {"layout", "complex", "sparse", "state"}


def place_of_condition(slug: str, kind: str) -> str:
    """The class of a fault that computes something known under a condition."""
    found = class_of_condition(slug, kind)
    return found if found in _PLACES else kind


def class_of_condition(slug: str, default: str) -> str:
    """The class of a fault of which the condition alone is known."""
    low = slug.lower()
    return next((kind for hint, kind in _HINTS if hint in low), default)
