"""Sparse gradients and complex params."""

from __future__ import annotations

from .requirement import TORCH, Requirement

__all__ = ["REQUIREMENTS"]

REQUIREMENTS = (
    Requirement(
        "sparse/update",
        "MUST",
        "R-sparse",
        TORCH,
        "A sparse gradient steps its rows as a dense one would, options and "
        "counters included.",
        "Embeddings would train by another rule than the rest.",
    ),
    Requirement(
        "sparse/duplicates-summed",
        "MUST",
        "R-sparse",
        TORCH,
        "Duplicate indices are summed before squaring.",
        "A word that occurs twice in a batch would get another step.",
    ),
    Requirement(
        "sparse/absent-rows",
        "MUST",
        "R-sparse",
        TORCH,
        "Absent rows keep theta and S; the param's t advances.",
        "Rows that were not looked up would drift, or the schedule would stand.",
    ),
    Requirement(
        "sparse/empty",
        "MUST",
        "R-sparse",
        TORCH,
        "A sparse gradient without any row is a step that moves nothing.",
        "An empty batch would crash the training.",
    ),
    Requirement(
        "sparse/weight-decay-refused",
        "MUST",
        "R-sparse",
        TORCH,
        "weight_decay with a sparse gradient is refused.",
        "Decay would silently touch only the rows of this batch.",
    ),
    Requirement(
        "sparse/refusal-changes-nothing",
        "SHOULD",
        "R-sparse",
        TORCH,
        "That refusal changes nothing, neither counters nor neighbours.",
        "Whoever catches the error goes on with a spoiled optimizer.",
    ),
    Requirement(
        "complex/pairs",
        "MUST",
        "R-complex",
        TORCH,
        "A complex param is a pair of reals, in S too.",
        "|g|^2 in S is another algorithm.",
    ),
    Requirement(
        "complex/sparse",
        "SHOULD",
        "R-complex",
        TORCH,
        "Sparse gradients of complex params are pairs of reals too.",
        "S would become complex, or negative.",
    ),
)
