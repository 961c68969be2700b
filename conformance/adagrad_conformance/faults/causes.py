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
    *(("tail-", "layout"), ("past-", "layout"), ("first-element", "layout")),
    *(("last-element", "layout"), ("not-first-element", "layout")),
    *(("the-param-or-its-gradient-has-strides", "layout")),
    *(("the-param-has-strides", "layout"), ("the-gradient-has-strides", "layout")),
    *(("dimensions", "layout"), ("size", "layout"), ("params-have", "layout")),
    *(("a-param-has", "layout"), ("a-param-is-of-complex", "complex")),
    *(("a-param-is", "numerics"), ("the-param-is-complex", "complex")),
    *(("its-gradient-is-sparse", "sparse"),),
    *(("a-sparse", "sparse"), ("rows-of-its", "sparse")),
    *(("left-to-its-default", "interface"), ("weight-decay-o", "decay")),
    *(("weight-decay-from", "decay"), ("weight-decay-to", "decay")),
    *(("weight_decay", "state"), ("maximize-on", "decay"), ("lr-decay-", "rate")),
    *(("another-optimizer", "state"), ("optimizers", "state"), ("group", "state")),
    *(("the-group", "state"), ("a-group", "state"), ("the-state", "state")),
    *(("a-state", "state"), ("loads", "state"), ("another-param", "state")),
    *(("an-option", "state"), ("a-closure", "gradients"), ("an-earlier", "gradients")),
    *(("its-gradient", "gradients"), ("the-gradient-is-that", "gradients")),
    *(("gradient-0", "gradients"), ("zero_grad", "gradients"), ("t-", "rate")),
    *(("later-step", "rate"), ("the-param-is-b", "numerics")),
    *(("gradient-not-finite", "numerics"),),
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
    return next((kind for hint, kind in _HINTS if f"-{hint}" in low), default)
