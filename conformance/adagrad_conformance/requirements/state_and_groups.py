"""The other methods: step with a closure, state_dict, load_state_dict."""

from __future__ import annotations

from adagrad_reference.fault_class import FaultClass

from .classification import LOADS, Classification, Theme
from .requirement import OPTIMIZER, TORCH, Requirement

__all__ = ["REQUIREMENTS"]

_CLOSURE = Classification(
    Theme.GROUPS,
    FaultClass.GRADIENTS,
    keeps_claims=("closure",),
    options=(),
    needs_its_state=False,
    subject="closure",
)
_STATE_DICT = Classification(
    Theme.STATE,
    FaultClass.STATE,
    keeps_claims=("save", *LOADS, "refusals"),
    options=(),
    needs_its_state=False,
    subject="state-dict",
)

REQUIREMENTS = (
    Requirement(
        "closure/once",
        "MUST",
        "M-step-closure",
        OPTIMIZER,
        _CLOSURE,
        "step(closure) calls it once, before the update, and returns its loss.",
        "Gradients of moved params, or a lost loss, break line searches and logging.",
        also=("M-step",),
    ),
    Requirement(
        "state-dict/deepcopy",
        "MUST",
        "M-load",
        OPTIMIZER,
        _STATE_DICT,
        "Loaded from a deep copy, training goes on as if nothing had happened.",
        "A rollback in memory would not bring the old optimizer back.",
    ),
    Requirement(
        "state-dict/bytes",
        "MUST",
        "M-load",
        OPTIMIZER,
        _STATE_DICT,
        "Loaded from bytes, training goes on as if nothing had happened.",
        "A run resumed from a checkpoint differs from one that was not interrupted.",
    ),
    Requirement(
        "state-dict/new-process",
        "MUST",
        "M-load",
        OPTIMIZER,
        _STATE_DICT,
        "Loaded in another process, training goes on as if nothing had happened.",
        "State kept outside the dict is lost with the process.",
    ),
    Requirement(
        "state-dict/reading",
        "MUST",
        "M-state-dict",
        OPTIMIZER,
        _STATE_DICT,
        "Taking the state dict changes nothing.",
        "Saving a checkpoint would change the run that is saved.",
    ),
    Requirement(
        "state-dict/options",
        "MUST",
        "M-load",
        OPTIMIZER,
        _STATE_DICT,
        "The loaded options win over those of the constructor.",
        "A resumed run would fall back to another learning rate.",
    ),
    Requirement(
        "state-dict/mismatch-refused",
        "MUST",
        "M-load",
        OPTIMIZER,
        _STATE_DICT,
        "A dict of other groups or params is refused and changes nothing.",
        "State loaded into the wrong params is worse than an error.",
    ),
    Requirement(
        "state-dict/independent",
        "SHOULD",
        "M-load",
        OPTIMIZER,
        _STATE_DICT,
        "After loading one optimizer's own dict, the two do not share state.",
        "Stepping a copy would silently move the original.",
    ),
    Requirement(
        "closure/gradients-enabled",
        "MUST",
        "M-step-closure",
        TORCH,
        _CLOSURE,
        "The closure runs with gradients enabled, so that it can call backward; "
        "afterwards they are as they were.",
        "Every closure that differentiates would fail.",
    ),
    Requirement(
        "closure/under-no-grad",
        "SHOULD",
        "M-step-closure",
        TORCH,
        _CLOSURE,
        "The same where the caller disabled gradients.",
        "A training loop that runs under no_grad could not pass a closure.",
    ),
    Requirement(
        "state-dict/entries",
        "MUST",
        "M-state-dict-entries",
        TORCH,
        _STATE_DICT,
        "The dict has exactly state and param_groups; params are indices in "
        "order, options stand under their names.",
        "Checkpoints could not be read or edited by anybody else.",
        also=("M-state-dict-state", "M-state-dict-param-groups"),
    ),
    Requirement(
        "state-dict/pickled-optimizer",
        "MUST",
        "M-load",
        TORCH,
        _STATE_DICT,
        "An optimizer that was pickled goes on bit for bit.",
        "Jobs that send optimizers between processes would diverge.",
    ),
    Requirement(
        "state-dict/copied-optimizer",
        "MUST",
        "M-load",
        TORCH,
        _STATE_DICT,
        "A deep copy of an optimizer goes on bit for bit and on its own.",
        "Ensembles and rollbacks would share state or lose it.",
    ),
    Requirement(
        "state-dict/source-unchanged",
        "MUST",
        "M-load",
        OPTIMIZER,
        _STATE_DICT,
        "load_state_dict does not change the dict that it is given, which can be "
        "loaded again.",
        "The same checkpoint could not be loaded a second time.",
    ),
    Requirement(
        "state-dict/strided-sum",
        "MUST",
        "M-load",
        TORCH,
        _STATE_DICT,
        "A loaded S with other strides than the param is S all the same.",
        "Each element would go on with a neighbour's history.",
    ),
    Requirement(
        "state-dict/malformed-refused",
        "SHOULD",
        "M-load",
        TORCH,
        _STATE_DICT,
        "A dict whose S has another shape, or that lacks S or an option, is "
        "refused when it is loaded.",
        "The error comes steps later, or never.",
    ),
    Requirement(
        "state-dict/keeps-precision",
        "SHOULD",
        "M-load",
        TORCH,
        _STATE_DICT,
        "A loaded S keeps its precision.",
        "A binary32 accumulator of a bfloat16 param loses 16 bits by saving and "
        "loading.",
    ),
    Requirement(
        "state-dict/counter-kinds",
        "SHOULD",
        "M-load",
        TORCH,
        _STATE_DICT,
        "A counter stored as an int, a float or a tensor of either is accepted.",
        "Checkpoints of other versions and tools could not be resumed.",
    ),
    Requirement(
        "state-dict/unstepped-group",
        "SHOULD",
        "M-load",
        OPTIMIZER,
        _STATE_DICT,
        "A param that is saved before its first step begins, after a load, with the "
        "S_0 that it had.",
        "A layer that was added just before the checkpoint learns at other rates.",
        also=("M-add-group-use",),
    ),
    Requirement(
        "state-dict/old-checkpoint",
        "SHOULD",
        "M-load",
        TORCH,
        _STATE_DICT,
        "A pickled optimizer of an older version, without options that came "
        "later, steps with their defaults.",
        "Old checkpoints fail at the first step.",
    ),
    Requirement(
        "state-dict/group-after-load",
        "MAY",
        "M-add-group",
        TORCH,
        _STATE_DICT,
        "A group added after a load takes the loading optimizer's own defaults.",
        "Which defaults hold is left open; it is reported.",
    ),
)
