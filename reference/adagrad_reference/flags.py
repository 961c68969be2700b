"""The flags of scenarios: what each one means, and what it changes in judging.

Rule 1.  A flag that is not in this table is an error wherever a scenario is read or
         played.
Rule 2.  Vector files hold the meanings beside the flags, so a meaning never changes.
"""

from __future__ import annotations

from enum import Enum, StrEnum

from .names import shown

__all__ = ["Flag", "FlagEffect"]


class FlagEffect(Enum):
    """What a flag changes."""

    NONE = "the flag describes the scenario and changes no verdict"
    REFUSALS = "more options must be refused than the document demands"
    ELEMENTS = "an element inside its box can fail"
    GRADIENTS = "a gradient that is otherwise legal fails"
    FLUSHING = "a port that claims flush-to-zero is judged by wider boxes"
    END = "nothing is judged after a refusal that is due"


class Flag(StrEnum):
    """The flags by name, each with its meaning in vector files and its effect."""

    meaning: str
    effect: FlagEffect

    def __new__(cls, name: str, meaning: str, effect: FlagEffect) -> Flag:
        """A flag; it is a text like its name."""
        flag = str.__new__(cls, name)
        flag._value_ = name
        flag.meaning, flag.effect = meaning, effect
        return flag

    @classmethod
    def named(cls, name: str) -> Flag:
        """The flag of that name; raises ValueError for a name that is none."""
        for flag in cls:
            if flag == name:
                return flag
        raise ValueError(f"unknown flag {shown(name)}; known: {', '.join(cls)}")

    CANCELLATION = (
        "cancellation",
        "two nearly equal numbers are subtracted",
        FlagEffect.NONE,
    )
    FINITE_WANTED = (
        "finite-wanted",
        "NaN is legal arithmetic here, but a finite result is better",
        FlagEffect.ELEMENTS,
    )
    GUARDED = (
        "guarded",
        "the storage is larger than the param; the rest must keep its bits",
        FlagEffect.NONE,
    )
    INFINITE_REFUSED = (
        "infinite-refused",
        "infinite options may be accepted; refusing them is better",
        FlagEffect.REFUSALS,
    )
    MOVES_WANTED = (
        "moves-wanted",
        "standing still is legal arithmetic here, but moving is better",
        FlagEffect.ELEMENTS,
    )
    NONE_WANTED = (
        "none-wanted",
        "zeros where a gradient was None are legal, but None is better",
        FlagEffect.GRADIENTS,
    )
    OTHER_CONSTRUCTOR = (
        "other-constructor",
        "the loading optimizer was constructed with other options",
        FlagEffect.NONE,
    )
    OUTCOME_ONLY = (
        "outcome-only",
        "only the refusal itself is judged, and nothing after it",
        FlagEffect.END,
    )
    OVERFLOWS = (
        "overflows",
        "g * g leaves the range of the format",
        FlagEffect.NONE,
    )
    SIGN_WANTED = (
        "sign-wanted",
        "zeros must have the sign that IEEE 754 arithmetic gives them",
        FlagEffect.ELEMENTS,
    )
    SUBNORMAL = (
        "subnormal",
        "subnormal numbers go in or come out; a port may declare that it flushes them",
        FlagEffect.FLUSHING,
    )
    TIE = (
        "tie",
        "the exact result lies half-way between two numbers of the format",
        FlagEffect.NONE,
    )
