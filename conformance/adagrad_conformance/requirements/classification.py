"""How a requirement is classified: its theme, its class of fault, what it is about.

Reports, diagnosis and reduction read a requirement's classification.  No other module
holds a table that is keyed by the ids of requirements.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from adagrad_reference.fault_class import FaultClass

__all__ = ["LOADS", "SUBJECTS", "Classification", "Theme"]


class Theme(StrEnum):
    """The columns of the map of ports, in their order."""

    NUMERICS = "numerics"
    NONE_AND_ZERO = "None and zero"
    MAXIMIZE = "maximize"
    LR_DECAY = "lr_decay"
    WEIGHT_DECAY = "weight decay"
    GROUPS = "groups"
    STATE = "state"
    LAYOUT = "layout"
    SPECIAL_VALUES = "special values"
    SPARSE_AND_COMPLEX = "sparse and complex"
    TORCH = "torch's own"


#: The claims of loading a state dict, one for each way.
LOADS = ("load-same-object", "load-deepcopy", "load-bytes", "load-new-process")


#: Kinds of events that requirements are about.
SUBJECTS = (
    *("state-dict", "add-group", "set-option", "zero-grad", "zero-gradient"),
    *("sparse", "closure"),
)


@dataclass(frozen=True)
class Classification:
    """The classification of one requirement, or of all that begin with one word.

    `keeps_claims` are the claims that a reduced scenario must go on needing where the
    scenario that failed needs them; otherwise the reduction could slide into another
    fault of the same port.  `options` are the options that the requirement is about:
    where a port lacks one, the requirement does not apply to the port.
    `needs_its_state` marks a requirement about certain values of theta, S or t: a state
    that is reached by steps, instead of written, does not have them.  `subject` is the
    kind of event that the requirement is about, one of `SUBJECTS`: what fails before
    the first such event breaks something else.
    """

    theme: Theme
    fault_class: FaultClass
    keeps_claims: tuple[str, ...]
    options: tuple[str, ...]
    needs_its_state: bool
    subject: str | None
