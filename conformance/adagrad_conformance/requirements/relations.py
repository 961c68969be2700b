"""Relations that need no oracle: two runs of one port, compared bit for bit."""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import Classification, Theme
from .requirement import ALGORITHM, OPTIMIZER, Requirement

__all__ = ["REQUIREMENTS"]

_RELATIONS = Classification(
    Theme.NUMERICS,
    FaultClass.LAYOUT,
    keeps_claims=(),
    options=(),
    needs_its_state=False,
    subject=None,
)

REQUIREMENTS = (
    Requirement(
        "relations/repeatable",
        "MUST",
        "R-relations",
        ALGORITHM,
        _RELATIONS,
        "Two runs of one scenario are identical.",
        "Nothing could be reproduced.",
    ),
    Requirement(
        "relations/scaling",
        "SHOULD",
        "R-relations",
        ALGORITHM,
        _RELATIONS,
        "With eps = 0 and weight_decay = 0, scaling gradients and sqrt(S_0) by "
        "a power of two leaves theta.",
        "The promise of Adagrad: the scale of a feature does not matter.",
    ),
    Requirement(
        "relations/negation",
        "SHOULD",
        "R-relations",
        ALGORITHM,
        _RELATIONS,
        "Negating theta and all gradients negates the run.",
        "One sign would learn otherwise than the other.",
    ),
    Requirement(
        "relations/maximize",
        "SHOULD",
        "R-relations",
        OPTIMIZER,
        replace(_RELATIONS, fault_class=FaultClass.DECAY),
        "maximize with g is minimize with -g, decay included.",
        "Turning a loss into a score would change training.",
    ),
    Requirement(
        "relations/none-is-absent",
        "MUST",
        "R-relations",
        OPTIMIZER,
        replace(_RELATIONS, fault_class=FaultClass.GRADIENTS),
        "A param that is skipped is as good as absent for its neighbours.",
        "Freezing a layer would change the others.",
    ),
    Requirement(
        "relations/interrupted",
        "MUST",
        "R-relations",
        OPTIMIZER,
        replace(_RELATIONS, fault_class=FaultClass.STATE),
        "n steps are k steps, save, load, and n - k steps.",
        "A resumed run would be another run.",
    ),
    Requirement(
        "relations/groups",
        "SHOULD",
        "R-relations",
        OPTIMIZER,
        replace(_RELATIONS, fault_class=FaultClass.STATE),
        "Splitting params over groups changes nothing.",
        "Grouping is bookkeeping, not arithmetic.",
    ),
)
