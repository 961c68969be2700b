"""The requirements, in an ordered table: one file a chapter, in document order.

Ids are permanent: one is never renamed, and never used for another demand.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import (
    algorithm,
    gradients,
    layout,
    numerics,
    paper,
    parameters,
    relations,
    sparse_complex,
    special_values,
    state_and_groups,
    torch_host,
    torch_kinds,
    torch_profile,
)
from .requirement import Requirement

__all__ = ["CHAPTERS", "REQUIREMENTS", "Requirement", "foremost"]

CHAPTERS = (
    algorithm,
    parameters,
    state_and_groups,
    gradients,
    layout,
    special_values,
    numerics,
    sparse_complex,
    torch_profile,
    torch_kinds,
    torch_host,
    relations,
    paper,
)

#: The requirements by id, in table order.
REQUIREMENTS: dict[str, Requirement] = {
    requirement.id: requirement
    for chapter in CHAPTERS
    for requirement in chapter.REQUIREMENTS
}


def foremost(names: Sequence[str]) -> Requirement | None:
    """The first of the requirements that a check names.

    None for a check without requirements, such as a scenario file of a user's own, and
    for a name that is not in the table.
    """
    return REQUIREMENTS.get(names[0]) if names else None
