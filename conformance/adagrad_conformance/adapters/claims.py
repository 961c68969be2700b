"""What a port can claim; a check is run on the ports that claim all that it needs."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

from adagrad_reference.formats import FORMATS

__all__ = [
    "ALL_OPTIONS",
    "CLAIMS",
    "IMPLIED",
    "PLAIN_CLAIMS",
    "claims_without",
    "with_implied",
]

#: Every claim a port can make, and what it means.
CLAIMS: Mapping[str, str] = {
    **{name: f"steps params in {name}" for name in FORMATS},
    "complex": "steps complex params",
    "sparse": "takes sparse gradients",
    "layout": "steps views into a larger storage, with any strides",
    "state": "shows the accumulator, and the step counter if it has one",
    "state-write": "lets accumulator and step counter be written",
    "many-steps": "takes many steps in one event and shows each",
    "gradients": "shows the gradients it holds",
    "none-gradient": "skips a param without a gradient",
    "zero-grad": "has zero_grad with set_to_none",
    "closure": "step takes a closure",
    "groups": "takes several param groups with options of their own",
    "add-group": "takes a further param group later, with options of its own",
    "add-params": "takes further params later, by the options of the constructor",
    "mixed-formats": "takes params of different formats in one optimizer",
    "set-option": "every option of a group can be changed between steps",
    "set-lr": "lr can be changed between steps",
    "refusals": "refuses illegal options and groups with an error",
    "defaults": "has the document's defaults for options that are left out",
    "lr-decay": "has lr_decay",
    "weight-decay": "has weight_decay",
    "initial-accumulator-value": "has initial_accumulator_value",
    "eps": "eps can be chosen",
    "maximize": "has maximize",
    "zero-lr": "takes lr = 0",
    "zero-eps": "takes eps = 0",
    "zero-accumulator": "takes initial_accumulator_value = 0, where it is given",
    "save": "gives its state as an object, a copy and bytes",
    "load-same-object": "loads the saved object itself",
    "load-deepcopy": "loads a deep copy of the saved object",
    "load-bytes": "loads from bytes",
    "load-new-process": "loads from bytes in another process",
    "pickle": "can be copied, and pickled as a whole",
    "compile": "its step can be compiled by torch.compile",
    "torch": "is a torch.optim.Optimizer, on which native checks can be run",
    "flush-to-zero": "takes subnormal numbers as zero, read or made",
    "wide-state": "keeps S wider than its param: binary64 beside binary32, or wider "
    "than 16 bits beside a param of 16",
    "extended-precision": "computes binary64 in the 80-bit format of x87",
    "quantised-state": "keeps S in 8 bits: within 2^-7 of the largest S of the param",
    "master-weights": "steps 16-bit params by a binary32 copy, with S in binary32",
    "needs-a-gradient": "refuses a step in which no param has one, as it documents",
    "one-param": "an optimizer takes a single param, as it documents",
    "needs-elements": "refuses a param of size 0, as it documents",
}

#: The claims of a port that can do everything and is peculiar in nothing.
PLAIN_CLAIMS = frozenset(CLAIMS) - {
    *("flush-to-zero", "master-weights", "needs-a-gradient", "one-param"),
    *("wide-state", "quantised-state", "extended-precision"),
    "needs-elements",
    *("set-lr", "add-params"),  # implied
}

#: What is claimed along with a claim.
IMPLIED: Mapping[str, frozenset[str]] = {
    "set-option": frozenset(["set-lr"]),
    "add-group": frozenset(["add-params"]),
}


def claims_without(claims: frozenset[str], gone: Iterable[str]) -> frozenset[str]:
    """The claims without some, and without those that imply them."""
    lost = set(gone)
    return claims - lost - {name for name, more in IMPLIED.items() if more & lost}


@functools.lru_cache(maxsize=256)
def with_implied(claims: frozenset[str]) -> frozenset[str]:
    """The claims, and those that they imply.

    Traces have one format for theta and S, so a port with wide state steps one by one.
    """
    whole = claims.union(*(more for name, more in IMPLIED.items() if name in claims))
    return whole - {"many-steps"} if "wide-state" in claims else whole


#: The claims that name options.
ALL_OPTIONS = frozenset(
    ("lr-decay", "weight-decay", "initial-accumulator-value", "eps", "maximize")
)
