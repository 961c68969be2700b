"""The space of the features that can meet in one step of one param.

Rule 1.  A dimension has one value at a step of a param; `earlier` alone can have
         several, one for each event of the past.
Rule 2.  Sizes stand for the three edges of a vector, block or chunk: one less, the
         length, one more.
Rule 3.  What cannot meet stands in EXCLUSIONS, each with the reason.
Rule 4.  Every pair of values meets in every format, but for the pairs that `is_spread`
         names: these meet in at least one format.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from adagrad_reference.formats import FORMATS

__all__ = [
    "DIMENSIONS",
    "EXCLUSIONS",
    "OPTION_VALUES",
    "SIZES",
    "TRIPLES",
    "Dimension",
    "Exclusion",
    "Feature",
    "all_pairs",
    "class_of",
    "excluded",
    "is_large",
    "is_spread",
    "needs_of",
    "size_class",
]

#: (dimension, value)
Feature = tuple[str, str]


@dataclass(frozen=True)
class Dimension:
    """A dimension: its name, its meaning, and each value with the claims it needs."""

    name: str
    words: str
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Exclusion:
    """Values that never stand together in a row, and the reason.

    Each term is a dimension and some of its values; a row that fulfils all terms is
    excluded.
    """

    reason: str
    terms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def holds(self, row: Mapping[str, str]) -> bool:
        """Whether a row, or a part of one, is excluded."""
        return all(row.get(name) in values for name, values in self.terms.items())


#: Each class of sizes, and the sizes that its rows take in turn.
SIZES: Mapping[str, tuple[int, ...]] = {
    "1": (1,),
    "8": (8, 7, 9),
    "16": (17, 15, 16),
    "32": (33, 31, 32),
    "64": (65, 63, 64),
    "256": (257, 255, 256),
    "1024": (1025, 1023, 1024),
    "4096": (4097, 4095, 4096),
    "65536": (65537, 65535, 65536, 131_072),
}

#: Each option, its classes of values, and the values that the rows take in turn.
OPTION_VALUES: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "lr": {
        "ordinary": (0.7, 0.31, 1.7),
        "default": (1e-2,),
        "large": (63.7, 19.3),
        "zero": (0.0,),
    },
    "lr_decay": {"zero": (0.0,), "ordinary": (0.017, 0.23), "large": (0.8, 0.53)},
    "weight_decay": {"zero": (0.0,), "ordinary": (0.047, 0.11), "large": (0.47, 0.31)},
    "eps": {
        "ordinary": (1.7e-3, 7.1e-3),
        "default": (1e-10,),
        "large": (0.21, 0.9),
        "zero": (0.0,),
    },
    "initial_accumulator_value": {
        "zero": (0.0,),
        "tiny": (3e-10,),
        "ordinary": (0.83, 0.37),
        "large": (11.3, 7.7),
    },
}

_ONLY_CHOSEN = ("set-option",)
_HISTORY: Mapping[str, tuple[str, ...]] = {
    "plain": (),
    "none": ("none-gradient",),
    "zero": (),
    "zeroed": ("zero-grad",),
    "freed": ("zero-grad", "none-gradient"),
    "closure": ("closure",),
    "changed": ("set-option",),
    "reloaded": ("save", "load-deepcopy"),
    "same-object": ("save", "load-same-object"),
    "fresh-deepcopy": ("save", "load-deepcopy"),
    "fresh-bytes": ("save", "load-bytes"),
    "joined": ("add-group", "groups"),
    "extended": ("add-group", "groups"),
    "shared": (),
    "apart": (),
    "written": ("state-write",),
}

#: What can meet.  A claim beside a value is one that a port must make.
DIMENSIONS: tuple[Dimension, ...] = (
    Dimension("format", "the working format", {name: (name,) for name in FORMATS}),
    Dimension("number", "elements", {"real": (), "complex": ("complex",)}),
    Dimension(
        "kind",
        "the gradient: dense; rows; rows, some of them twice; dense and rows in turn",
        {
            "dense": (),
            "rows": ("sparse",),
            "rows-twice": ("sparse",),
            "in-turn": ("sparse",),
        },
    ),
    Dimension(
        "param-layout",
        "the place of the param in its storage",
        {
            "contiguous": (),
            "strided": ("layout",),
            "transposed": ("layout",),
            "offset": ("layout",),
        },
    ),
    Dimension(
        "gradient-layout",
        "the place of the gradient in its storage; expanded has a stride of 0",
        {
            "contiguous": (),
            "strided": ("layout",),
            "transposed": ("layout",),
            "expanded": ("layout",),
            "offset": ("layout",),
        },
    ),
    Dimension(
        "shape",
        "the extents: none, one, a row, a column, two or three beyond 1",
        dict.fromkeys(("line", "scalar", "row", "column", "sheet", "cube"), ()),
    ),
    Dimension("size", "the number of elements", dict.fromkeys(SIZES, ())),
    Dimension(
        "groups",
        "the number of groups",
        {"1": (), **dict.fromkeys(("2", "3", "17", "64"), ("groups",))},
    ),
    Dimension(
        "params",
        "the number of params in the group",
        dict.fromkeys(("1", "2", "5", "64"), ()),
    ),
    Dimension(
        "source",
        "where the options of the group come from",
        {"constructor": (), "group": ("groups",), "set": _ONLY_CHOSEN},
    ),
    Dimension(
        "lr",
        "the rate",
        {"ordinary": (), "default": ("defaults",), "large": (), "zero": ("zero-lr",)},
    ),
    Dimension(
        "lr_decay",
        "the decay of the rate",
        {"zero": (), "ordinary": ("lr-decay",), "large": ("lr-decay",)},
    ),
    Dimension(
        "weight_decay",
        "the L2 penalty",
        {"zero": (), "ordinary": ("weight-decay",), "large": ("weight-decay",)},
    ),
    Dimension(
        "eps",
        "the term beside the root",
        {
            "ordinary": ("eps",),
            "default": ("defaults",),
            "large": ("eps",),
            "zero": ("eps", "zero-eps"),
        },
    ),
    Dimension(
        "initial_accumulator_value",
        "the first value of the sum",
        {
            "zero": (),
            **dict.fromkeys(
                ("tiny", "ordinary", "large"), ("initial-accumulator-value",)
            ),
        },
    ),
    Dimension("maximize", "the sign", {"no": (), "yes": ("maximize",)}),
    Dimension(
        "earlier",
        "an event before the latest one: a step with None, with zeros, after "
        "zero_grad to zero, to None, with a closure, an option changed and back, a "
        "load that rolls back, of the same object, into a fresh optimizer from a "
        "copy, from bytes, the param joins later, another group does, another "
        "optimizer steps the param, other params, the state is written",
        _HISTORY,
    ),
    Dimension("later", "the latest event; the same words", _HISTORY),
)

#: What the large sizes and numbers meet of the events, and the largest of the rest.
_FEW_EVENTS: Mapping[str, tuple[str, ...]] = {
    "earlier": (
        *("plain", "none", "closure", "changed", "reloaded", "fresh-bytes"),
        *("joined", "written"),
    ),
    "later": (
        *("plain", "zero", "freed", "closure", "same-object", "fresh-deepcopy"),
        *("extended", "shared"),
    ),
}
_FEW_VALUES: Mapping[str, tuple[str, ...]] = {
    "kind": ("dense", "rows"),
    "gradient-layout": ("contiguous", "strided", "transposed", "expanded"),
    "shape": ("line", "column", "sheet", "cube"),
    "groups": ("1", "3"),
    "params": ("1", "2"),
    "earlier": ("plain",),
    "later": ("plain", "zero", "closure"),
}


def _other_than(name: str, *few: str) -> tuple[str, ...]:
    """The other values of a dimension."""
    values = next(d.values for d in DIMENSIONS if d.name == name)
    return tuple(value for value in values if value not in few)


_SIXTEEN = ("bfloat16", "binary16")
_ROWS = ("rows", "rows-twice", "in-turn")
_TWO_ROWS = ("rows-twice", "in-turn")
_STRIDED_GRADIENT = ("strided", "transposed", "expanded")
_PLACED = ("strided", "transposed", "offset")
_PLACED_GRADIENT = (*_PLACED, "expanded")
_FRESH = ("fresh-deepcopy", "fresh-bytes")
_LARGE: Mapping[str, tuple[str, ...]] = {
    "size": ("1024", "4096", "65536"),
    "groups": ("64",),
    "params": ("64",),
}
_COST = "cost: more elements or params times more events or params"
#: Events of the param itself, which it cannot have had before it joins.
_OF_THE_PARAM = ("none", "zero", "zeroed", "freed", "closure", "shared", "written")
_LOADS = ("reloaded", "same-object", *_FRESH)
_DECAYS = ("ordinary", "large")

#: What never meets, and why.
EXCLUSIONS: tuple[Exclusion, ...] = (
    Exclusion(
        "no framework has complex numbers of 16-bit parts that it steps",
        {"number": ("complex",), "format": _SIXTEEN},
    ),
    Exclusion(
        "the language of scenarios has no layout of complex tensors",
        {"number": ("complex",), "param-layout": _PLACED},
    ),
    Exclusion(
        "the language of scenarios has no layout of complex tensors",
        {"number": ("complex",), "gradient-layout": _PLACED_GRADIENT},
    ),
    Exclusion(
        "complex gradients by rows are a SHOULD",
        {"number": ("complex",), "kind": _ROWS},
    ),
    Exclusion(
        "weight decay with a gradient by rows is refused",
        {"kind": _ROWS, "weight_decay": _DECAYS},
    ),
    Exclusion(
        "a gradient by rows is a list of rows, without strides of its own",
        {"kind": _ROWS, "gradient-layout": _PLACED_GRADIENT},
    ),
    Exclusion(
        "torch adds rows to a line with an offset in the wrong place, outside of its "
        "storage too, and ends the process or not",
        {"kind": _ROWS, "param-layout": ("offset",), "shape": ("line",)},
    ),
    Exclusion("a scalar has no rows", {"kind": _ROWS, "shape": ("scalar",)}),
    Exclusion(
        "one element is no two rows",
        {"kind": ("rows-twice", "in-turn"), "size": ("1",)},
    ),
    Exclusion(
        "a param that has just joined has had one gradient",
        {"kind": ("in-turn",), "later": ("joined",)},
    ),
    Exclusion(
        "zero_grad to zero of a gradient by rows: dense or not is open",
        {"kind": _ROWS, "earlier": ("zeroed",)},
    ),
    Exclusion(
        "zero_grad to zero of a gradient by rows: dense or not is open",
        {"kind": _ROWS, "later": ("zeroed",)},
    ),
    Exclusion(
        "a scalar is one element",
        {"shape": ("scalar",), "size": tuple(name for name in SIZES if name != "1")},
    ),
    Exclusion(
        "one element is a scalar or a line",
        {"size": ("1",), "shape": ("row", "column", "sheet", "cube")},
    ),
    Exclusion(
        "one element has no strides",
        {"size": ("1",), "param-layout": ("strided", "transposed")},
    ),
    Exclusion(
        "one element has no strides",
        {"size": ("1",), "gradient-layout": _STRIDED_GRADIENT},
    ),
    Exclusion(
        "a scalar has no strides",
        {"shape": ("scalar",), "param-layout": ("strided", "transposed")},
    ),
    Exclusion(
        "a scalar has no strides",
        {
            "shape": ("scalar",),
            "gradient-layout": ("strided", "transposed", "expanded"),
        },
    ),
    Exclusion(
        "a line, a row or a column lies in memory as its transpose does",
        {"shape": ("line", "row", "column"), "param-layout": ("transposed",)},
    ),
    Exclusion(
        "a line, a row or a column lies in memory as its transpose does",
        {"shape": ("line", "row", "column"), "gradient-layout": ("transposed",)},
    ),
    Exclusion(
        "rule 5 of builders.py: eps of 1e-3 at least in binary16",
        {"format": ("binary16",), "eps": ("default", "zero")},
    ),
    Exclusion(
        "smaller than the smallest number of binary16",
        {"format": ("binary16",), "initial_accumulator_value": ("tiny",)},
    ),
    Exclusion(
        "an added group makes two",
        {"groups": ("1",), "earlier": ("joined", "extended")},
    ),
    Exclusion(
        "an added group makes two", {"groups": ("1",), "later": ("joined", "extended")}
    ),
    Exclusion(
        "two added groups make three",
        {
            "groups": ("2",),
            "earlier": ("joined", "extended"),
            "later": ("joined", "extended"),
        },
    ),
    Exclusion(
        "a param joins once",
        {"earlier": ("joined",), "later": ("joined",)},
    ),
    Exclusion(
        "a param has no steps before it joins",
        {"earlier": _OF_THE_PARAM, "later": ("joined",)},
    ),
    Exclusion(
        "a group added after a load names every option",
        {"source": ("constructor",), "earlier": _LOADS, "later": ("joined",)},
    ),
    *(
        Exclusion(_COST, {name: values, event: _other_than(event, *few)})
        for name, values in _LARGE.items()
        for event, few in _FEW_EVENTS.items()
    ),
    *(
        Exclusion(_COST, {"size": ("65536",), name: _other_than(name, *few)})
        for name, few in _FEW_VALUES.items()
    ),
    Exclusion(_COST, {"size": ("4096",), "groups": ("64",)}),
    Exclusion(_COST, {"size": ("4096",), "params": ("64",)}),
    Exclusion(_COST, {"groups": ("64",), "params": ("64",)}),
)

#: The dimensions of which every three meet: a set in each of the formats in turn.
TRIPLES: tuple[tuple[str, ...], ...] = (
    ("number", "maximize", "weight_decay", "shape"),
    ("kind", "maximize", "param-layout", "shape"),
    ("param-layout", "gradient-layout", "maximize", "weight_decay"),
    ("source", "maximize", "weight_decay", "lr_decay"),
)


def needs_of(feature: Feature) -> tuple[str, ...]:
    """The claims that a port must make for a feature to be asked of it."""
    name, value = feature
    return _VALUES[name][value]


def is_spread(one: Feature, other: Feature) -> bool:
    """Whether two features need meet in one format only, not in each.

    These are pairs of two events, and pairs with a large size or number.
    """
    events = {one[0], other[0]} == {"earlier", "later"}
    return events or is_large(one) or is_large(other)


def is_large(feature: Feature) -> bool:
    """Whether a feature is one of the large sizes and numbers, which cost most."""
    return feature[1] in _LARGE.get(feature[0], ())


def excluded(row: Mapping[str, str]) -> str | None:
    """The reason why a row, or a part of one, is excluded; None if it is not."""
    return next((x.reason for x in EXCLUSIONS if x.holds(row)), None)


def all_pairs() -> Iterator[tuple[Feature, Feature]]:
    """Every pair of values of two dimensions other than the format, excluded or not."""
    others = [d for d in DIMENSIONS if d.name != "format"]
    for one, other in itertools.combinations(others, 2):
        for a, b in itertools.product(one.values, other.values):
            yield (one.name, a), (other.name, b)


def class_of(option: str, value: float) -> str:
    """The class of an option's value; raises KeyError for an unknown option."""
    for limit, name in _LIMITS[option]:
        if value <= limit:
            return name
    return "large"


def size_class(size: int) -> str:
    """The class of a number of elements, of which at least one is there."""
    return next((name for limit, name in _SIZE_LIMITS if size <= limit), "65536")


_VALUES = {d.name: d.values for d in DIMENSIONS}

#: The largest value of each class of an option; the class after the last is `large`.
_LIMITS: Mapping[str, tuple[tuple[float, str], ...]] = {
    "lr": ((0.0, "zero"), (1e-2, "default"), (5.0, "ordinary")),
    "lr_decay": ((0.0, "zero"), (0.5, "ordinary")),
    "weight_decay": ((0.0, "zero"), (0.2, "ordinary")),
    "eps": ((0.0, "zero"), (1e-8, "default"), (0.05, "ordinary")),
    "initial_accumulator_value": ((0.0, "zero"), (1e-6, "tiny"), (5.0, "ordinary")),
}
_SIZE_LIMITS = (
    *((1, "1"), (12, "8"), (24, "16"), (48, "32"), (96, "64"), (512, "256")),
    *((2048, "1024"), (16_384, "4096")),
)
