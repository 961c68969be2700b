"""The requirements, in an ordered table: one file a chapter, in document order.

Ids are permanent: one is never renamed, and never used for another demand.
"""

from __future__ import annotations

from . import (
    algorithm,
    gradients,
    numerics,
    paper,
    parameters,
    relations,
    sparse_complex,
    special_values,
    torch_profile,
)
from . import (
    layout as memory,
)
from . import (
    state_and_groups as methods,
)
from .requirement import Requirement

__all__ = ["CHAPTERS", "REQUIREMENTS", "Requirement"]

CHAPTERS = (
    algorithm,
    parameters,
    methods,
    gradients,
    memory,
    special_values,
    numerics,
    sparse_complex,
    torch_profile,
    relations,
    paper,
)

#: The requirements by id, in table order.
REQUIREMENTS: dict[str, Requirement] = {
    requirement.id: requirement
    for chapter in CHAPTERS
    for requirement in chapter.REQUIREMENTS
}
