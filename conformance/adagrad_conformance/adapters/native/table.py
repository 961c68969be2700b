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
    _torch("kinds.leaves:frozen_params", "none-vs-zero/frozen", "none-gradient"),
    _torch("kinds.leaves:odd_tensors", "parameters/any-tensor"),
    _torch("kinds.leaves:non_leaf_params", "torch/non-leaf-refused", "refusals"),
    _torch("kinds.leaves:lazy_params", "torch/lazy-params"),
    _torch("kinds.leaves:storage_replaced", "torch/moved-params"),
    _torch("kinds.leaves:retyped_params", "torch/retyped-params", "binary64"),
    _torch("kinds.leaves:sets_of_params", "torch/sets-refused", "refusals"),
    _torch("kinds.groups:empty_groups", "groups/empty", "groups"),
    _torch("kinds.groups:empty_groups_taken", "groups/empty-taken", "groups", *_LOADS),
    _torch(
        "kinds.groups:emptied_and_refilled", "groups/emptied-and-refilled", "groups"
    ),
    _torch("kinds.groups:replaced_param", "groups/replaced-param", "save"),
    _torch("kinds.dicts:given_dicts", "groups/given-dicts", "groups"),
    _torch("kinds.dicts:group_labels", "groups/labels"),
    _torch("kinds.dicts:names_of_params", "torch/named-params"),
    # how options are given
    _torch("kinds.numbers:options_of_python_types", "parameters/python-numbers"),
    _torch("kinds.numbers:options_that_are_bools", "parameters/other-numbers"),
    _torch("kinds.numbers:options_of_numpy", "parameters/other-numbers"),
    _torch("kinds.numbers:options_that_are_tensors", "parameters/other-numbers"),
    _torch("kinds.numbers:options_by_position", "parameters/by-position"),
    # around the update
    _torch("torch_step:in_place", "algorithm/in-place"),
    _torch("torch_step:closure_with_gradients", "closure/gradients-enabled", "closure"),
    _torch("torch_step:closure_under_no_grad", "closure/under-no-grad", "closure"),
    _torch(
        "torch_step:zero_grad_and_backward",
        "zero-grad/backward-keeps-none",
        *("zero-grad", "none-gradient"),
    ),
    _torch("torch_gradients:gradients_in_place", "algorithm/update"),
    _torch("torch_gradients:two_sparse_dimensions", "sparse/update", "sparse"),
    _torch("kinds.gradients:gradients_with_graph", "gradients/with-graph", "gradients"),
    _torch("kinds.gradients:gradients_shared", "gradients/shared", "gradients"),
    _torch("kinds.gradients:gradient_dtypes", "gradients/other-dtypes"),
    _torch("kinds.gradients:gradient_views", "gradients/lazy-views"),
    _torch("kinds.gradients:inference_gradients", "torch/inference-gradients"),
    _torch("kinds.gradients:zero_grad_of_every_kind", "zero-grad/to-zero", "zero-grad"),
    _torch("kinds.nested:step_in_backward", "torch/step-in-backward"),
    _torch("kinds.closures:closure_losses", "closure/once", "closure"),
    _torch("kinds.closures:closure_that_raises", "closure/raises", "closure"),
    _torch(
        "kinds.closures:closure_that_steps_another", "closure/steps-another", "closure"
    ),
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
    _torch("torch_copies:pickled_optimizer", "state-dict/pickled-optimizer", "pickle"),
    _torch("torch_copies:copied_optimizer", "state-dict/copied-optimizer", "pickle"),
    _torch("torch_copies:old_checkpoint", "state-dict/old-checkpoint", "pickle"),
    _torch(
        "torch_copies:older_checkpoint",
        "state-dict/old-checkpoint",
        *("pickle", "eps"),
    ),
    _torch("kinds.saves:saves_change_nothing", "state-dict/reading", "save"),
    _torch(
        "kinds.saves:counters_of_every_kind",
        "state-dict/counter-kinds",
        *(*_LOADS, "state"),
    ),
    _torch(
        "kinds.saves:large_counters",
        "lr-decay/counts-beyond-2-24",
        *(*_LOADS, "state"),
    ),
    _torch(
        "kinds.saves:copied_with_model",
        "state-dict/copied-optimizer",
        *("pickle", "save"),
    ),
    _torch(
        "kinds.saves:copies_take_groups",
        "groups/add-to-copy",
        *("pickle", "add-group", "save"),
    ),
    _torch(
        "kinds.distributed:distributed_checkpoint",
        "torch/distributed-checkpoint",
        *(*_LOADS, "groups", "add-group", "zero-lr"),
        slow=True,
    ),
    # parts of torch that drive an optimizer
    _torch("torch_rates:schedulers", "torch/scheduler", "set-lr"),
    _torch("torch_rates:scheduler_resumed", "torch/scheduler", *_LOADS),
    _torch("kinds.schedules:every_scheduler", "torch/scheduler", "set-lr"),
    _torch(
        "kinds.schedules:schedulers_of_later_groups",
        "torch/scheduler",
        *("set-option", "add-group"),
    ),
    _torch("torch_rates:tensor_lr", "torch/tensor-lr", "binary64"),
    _torch("torch_rates:tensor_lr_scheduled", "torch/tensor-lr", "set-lr"),
    _torch("torch_dtypes:default_dtype", "torch/default-dtype", "binary64", *_LOADS),
    _torch("torch_dtypes:default_dtype_changed", "torch/default-dtype", "add-group"),
    _torch("torch_derivative:differentiable", "torch/differentiable"),
    _torch("torch_compiled:compiled", "torch/compiled", "compile", slow=True),
    _torch(
        "torch_compiled:compiled_in_binary64",
        "torch/compiled-in-binary64",
        *("compile", "binary64"),
        slow=True,
    ),
    _torch("torch_device:grad_scaler", "torch/grad-scaler"),
    _torch("kinds.scaling:grad_scaler_unscaled", "torch/grad-scaler"),
    _torch("kinds.scaling:grad_scaler_by_group", "torch/grad-scaler"),
    _torch("torch_device:share_memory", "torch/share-memory"),
    _torch("torch_device:share_memory_after_add", "torch/share-memory", "add-group"),
    _torch("torch_device:share_memory_at_any_time", "torch/share-memory"),
    _torch("torch_device:cuda", "torch/cuda"),
    _torch("kinds.modes:grad_modes", "torch/modes"),
    _torch("kinds.modes:other_modes", "torch/other-modes"),
    _torch("kinds.modes:inference_modes", "torch/inference-mode"),
    _torch("kinds.modes:default_device", "torch/default-device"),
    _torch("kinds.nested:steps_in_hooks", "torch/nested-steps"),
    _torch("kinds.nested:steps_in_threads", "torch/threads"),
    _torch("kinds.sharing:one_closure", "closure/once", "closure"),
    _torch("kinds.sharing:pieces_of_one_buffer", "algorithm/in-place", "layout"),
    _torch(
        "kinds.sharing:options_beside_a_copy",
        "state-dict/copied-optimizer",
        *("pickle", "save", "set-option"),
    ),
    _torch("kinds.settings:narrow_default_dtypes", "torch/default-dtype"),
    _torch("kinds.settings:thread_counts", "torch/modes"),
    _torch("kinds.settings:short_printing", "state-dict/options", *_LOADS),
    _torch("kinds.host:host_untouched", "torch/host-untouched"),
    _torch("torch_step:hooks", "torch/hooks", *_LOADS),
)

#: The native checks by id.
NATIVE: dict[str, NativeEntry] = {entry.id: entry for entry in _ALL}
