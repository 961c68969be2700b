"""Where elements lie: views, strides, sizes, placement."""

from __future__ import annotations

from dataclasses import replace

from adagrad_reference.fault_class import FaultClass

from .classification import LOADS, Classification, Theme
from .requirement import ALGORITHM, OPTIMIZER, TORCH, Requirement

__all__ = ["REQUIREMENTS"]

_LAYOUT = Classification(
    Theme.LAYOUT,
    FaultClass.LAYOUT,
    keeps_claims=("layout",),
    options=(),
    needs_its_state=False,
    subject=None,
)
_IN_PLACE = Classification(
    Theme.NUMERICS,
    FaultClass.LAYOUT,
    keeps_claims=(),
    options=(),
    needs_its_state=False,
    subject=None,
)

REQUIREMENTS = (
    Requirement(
        "layout/strided-param",
        "MUST",
        "R-memory",
        OPTIMIZER,
        _LAYOUT,
        "A param that is a view steps as any other, and memory around it is kept.",
        "Writing outside the view corrupts other weights.",
    ),
    Requirement(
        "layout/strides-differ",
        "MUST",
        "R-memory",
        OPTIMIZER,
        _LAYOUT,
        "Param and gradient may have different strides.",
        "Each element would be moved by a neighbour's gradient.",
    ),
    Requirement(
        "layout/any-size",
        "MUST",
        "R-memory",
        OPTIMIZER,
        _LAYOUT,
        "Every size works: 0 to 67, one more or less than a vector's lanes, many "
        "thousands; scalars, and up to six dimensions.",
        "Vector loops and their remainders go wrong separately.",
    ),
    Requirement(
        "layout/after-load",
        "MUST",
        "R-memory",
        OPTIMIZER,
        replace(_LAYOUT, keeps_claims=("layout", "save", *LOADS), subject="state-dict"),
        "A strided param steps rightly after its state was saved and loaded.",
        "S comes back in another order than it was saved in.",
    ),
    Requirement(
        "layout/same-bits",
        "SHOULD",
        "R-memory",
        ALGORITHM,
        _LAYOUT,
        "In binary64 and binary32 an element's result does not depend, in any "
        "bit, on where the element stands.",
        "Results change with the batch, the sharding, the number of threads.",
    ),
    Requirement(
        "layout/same-bits-in-16-bit-formats",
        "SHOULD",
        "R-memory",
        ALGORITHM,
        _LAYOUT,
        "The same in bfloat16 and binary16.",
        "Vector lanes and remainders round differently.",
    ),
    Requirement(
        "algorithm/in-place",
        "MUST",
        "ALG-8",
        TORCH,
        _IN_PLACE,
        "The param stays the same object with the same storage, dtype and "
        "requires_grad, and nothing keeps a graph.",
        "Models, optimizers and other views would hold different weights.",
    ),
)
