"""Sparse gradients and complex params."""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import TORCH, Requirement

__all__ = ["REQUIREMENTS"]

_SPARSE = Classification(
    Theme.SPARSE_AND_COMPLEX,
    FaultClass.SPARSE,
    keeps_claims=("sparse",),
    options=(),
    needs_its_state=False,
    subject="sparse",
)
_COMPLEX = Classification(
    Theme.SPARSE_AND_COMPLEX,
    FaultClass.COMPLEX,
    keeps_claims=("complex",),
    options=(),
    needs_its_state=False,
    subject=None,
)

REQUIREMENTS = (
    Requirement(
        "sparse/update",
        "MUST",
        "R-sparse",
        TORCH,
        _SPARSE,
        "A sparse gradient steps its rows as a dense one would, options and "
        "counters included.",
        "Embeddings would train by another rule than the rest.",
    ),
    Requirement(
        "sparse/duplicates-summed",
        "MUST",
        "R-sparse",
        TORCH,
        _SPARSE,
        "Rows with the same index are summed first, then squared.",
        "A word that occurs twice in a batch would get another step.",
    ),
    Requirement(
        "sparse/absent-rows",
        "MUST",
        "R-sparse",
        TORCH,
        _SPARSE,
        "Absent rows keep theta and S, also to return to; the param's t advances.",
        "Rows that were not looked up would drift, or the schedule would stand.",
    ),
    Requirement(
        "sparse/empty",
        "MUST",
        "R-sparse",
        TORCH,
        _SPARSE,
        "A sparse gradient without any row is a step: t advances, nothing moves.",
        "An empty batch would crash the training.",
    ),
    Requirement(
        "sparse/weight-decay-refused",
        "MUST",
        "R-sparse",
        TORCH,
        replace(_SPARSE, options=("weight_decay",)),
        "A step with a sparse gradient in a group with weight_decay is refused.",
        "Decay would silently touch only the rows of this batch.",
    ),
    Requirement(
        "sparse/refusal-changes-nothing",
        "SHOULD",
        "R-sparse",
        TORCH,
        _SPARSE,
        "That refusal changes nothing: no counter, no neighbour, no earlier group.",
        "A program that catches the error goes on with a spoiled optimizer.",
    ),
    Requirement(
        "complex/pairs",
        "MUST",
        "R-complex",
        TORCH,
        _COMPLEX,
        "A complex param is a pair of reals: S holds two sums, each starts at tau.",
        "With |g|^2 in S it is another algorithm, with g^2 S may be negative.",
    ),
    Requirement(
        "complex/sparse",
        "SHOULD",
        "R-complex",
        TORCH,
        _COMPLEX,
        "Sparse gradients of complex params are pairs of reals too.",
        "S would become complex, or negative.",
    ),
)
