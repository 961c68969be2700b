"""The native checks, in an ordered table; reading it imports no framework."""

from __future__ import annotations

from dataclasses import dataclass

from adagrad_reference.formats import FORMATS

__all__ = ["NATIVE", "NativeEntry"]

_PACKAGE = "adagrad_conformance.adapters.native"


@dataclass(frozen=True)
class NativeEntry:
    """One native check.

    `place` is `module:function`; `needed_claims` are the claims that a port must make
    for the check to run; `slow` marks checks that take many seconds.
    """

    id: str
    requirements: tuple[str, ...]
    place: str
    needed_claims: frozenset[str]
    slow: bool = False


def _torch(
    place: str, requirement: str, *claims: str, slow: bool = False
) -> NativeEntry:
    """A check of torch optimizers; its id is the name of its function."""
    function = place.partition(":")[2]
    return NativeEntry(
        f"torch/{function.replace('_', '-')}",
        (requirement,),
        f"{_PACKAGE}.{place}",
        frozenset({"torch", "binary32", *claims}),
        slow,
    )


_LOADS = ("save", "load-deepcopy")
_OTHER_FORMATS = tuple(name for name in FORMATS if name != "binary32")

_ALL = (
    # how params are given
    _torch("torch_params:iterables_of_params", "parameters/iterable"),
    _torch("torch_params:lone_tensor", "torch/lone-tensor-refused", "refusals"),
    _torch("torch_params:named_params", "torch/named-params"),
    _torch("torch_params:duplicate_in_one_list", "groups/duplicate-in-one-list"),
    _torch("torch_params:paths_agree", "parameters/paths-agree"),
    _torch("torch_params:paths_agree_on_overflow", "parameters/paths-agree"),
    _torch(
        "torch_dtypes:many_dtypes",
        "groups/mixed-formats",
        *_OTHER_FORMATS,
        "mixed-formats",
    ),
    # around the update
    _torch("torch_step:in_place", "algorithm/in-place"),
    _torch("torch_step:closure_with_gradients", "closure/gradients-enabled", "closure"),
    _torch(
        "torch_step:zero_grad_and_backward",
        "zero-grad/backward-keeps-none",
        *("zero-grad", "none-gradient"),
    ),
    _torch("torch_gradients:gradients_in_place", "algorithm/update"),
    _torch("torch_gradients:two_sparse_dimensions", "sparse/update", "sparse"),
    # what is saved and loaded
    _torch("torch_state:entries", "state-dict/entries", "save"),
    _torch("torch_state:source_unchanged", "state-dict/source-unchanged", *_LOADS),
    _torch("torch_state:strided_sum", "state-dict/strided-sum", *_LOADS, "state"),
    _torch(
        "torch_state:accepts_other_counters",
        "state-dict/counter-kinds",
        *(*_LOADS, "state"),
    ),
    _torch(
        "torch_state:refuses_other_shape",
        "state-dict/malformed-refused",
        *(*_LOADS, "state"),
    ),
    _torch(
        "torch_state:refuses_missing_sum",
        "state-dict/malformed-refused",
        *(*_LOADS, "state"),
    ),
    _torch(
        "torch_state:refuses_missing_option",
        "state-dict/malformed-refused",
        *(*_LOADS, "state"),
    ),
    _torch(
        "torch_state:keeps_precision",
        "state-dict/keeps-precision",
        *(*_LOADS, "state", "bfloat16"),
    ),
    _torch(
        "torch_state:group_after_load",
        "state-dict/group-after-load",
        *(*_LOADS, "add-group"),
    ),
    _torch("torch_copies:file_at_every_cut", "state-dict/bytes", "save", "load-bytes"),
    _torch("torch_copies:pickled_optimizer", "state-dict/pickled-optimizer"),
    _torch("torch_copies:copied_optimizer", "state-dict/copied-optimizer"),
    _torch("torch_copies:old_checkpoint", "state-dict/old-checkpoint"),
    _torch("torch_copies:older_checkpoint", "state-dict/old-checkpoint", "eps"),
    # parts of torch that drive an optimizer
    _torch("torch_rates:schedulers", "torch/scheduler", "set-option"),
    _torch("torch_rates:scheduler_resumed", "torch/scheduler", *_LOADS),
    _torch("torch_rates:tensor_lr", "torch/tensor-lr", "binary64"),
    _torch("torch_rates:tensor_lr_scheduled", "torch/tensor-lr", "set-option"),
    _torch("torch_dtypes:default_dtype", "torch/default-dtype", "binary64", *_LOADS),
    _torch("torch_dtypes:default_dtype_changed", "torch/default-dtype", "add-group"),
    _torch("torch_derivative:differentiable", "torch/differentiable"),
    _torch("torch_compiled:compiled", "torch/compiled", slow=True),
    _torch(
        "torch_compiled:compiled_in_binary64",
        "torch/compiled-in-binary64",
        "binary64",
        slow=True,
    ),
    _torch("torch_device:grad_scaler", "torch/grad-scaler"),
    _torch("torch_device:share_memory", "torch/share-memory"),
    _torch("torch_device:share_memory_after_add", "torch/share-memory", "add-group"),
    _torch("torch_device:cuda", "torch/cuda"),
    _torch("torch_step:hooks", "torch/hooks", *_LOADS),
)

#: The native checks by id.
NATIVE: dict[str, NativeEntry] = {entry.id: entry for entry in _ALL}
