"""For the tests of JSON: strategies, an example of every event, damage, the schema."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import jsonschema
from hypothesis import settings
from hypothesis import strategies as st

from adagrad_reference.flags import Flag
from adagrad_reference.formats import FORMATS, float_from_hex_bits
from adagrad_reference.options import OPTION_NAMES
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Layout,
    Load,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)

EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True)


names = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,7}", fullmatch=True)
paths = st.from_regex(
    r"[a-z0-9]{1,3}(-[a-z0-9]{1,3})?(/[a-z0-9]{1,3})?", fullmatch=True
)
notes = st.text(
    st.characters(exclude_categories=("C", "Z")) | st.just(" "), max_size=20
)
any_float = st.integers(0, 2**64 - 1).map(
    lambda bits: float_from_hex_bits(f"{bits:016x}")
)
numbers = st.one_of(any_float, st.floats())
option_names = st.sampled_from([name for name in OPTION_NAMES if name != "maximize"])
settings_ = st.one_of(
    st.tuples(option_names, numbers), st.tuples(st.just("maximize"), st.booleans())
)
options = st.lists(settings_, max_size=4).map(dict)


@st.composite
def layouts(draw, shape, width):
    """A layout with any offset and strides inside its storage."""
    strides = tuple(draw(st.integers(0, 20)) for _ in shape)
    offset = draw(st.integers(0, 99))
    steps = zip(shape, strides, strict=True)
    last = offset + sum(max(size - 1, 0) * stride for size, stride in steps)
    length = last + 1 + draw(st.integers(0, 9))
    return Layout(length, offset, strides, draw(st.integers(0, 2**width - 1)))


shapes = st.lists(st.integers(0, 3), max_size=2).map(tuple)


@st.composite
def tensors(draw, shape=shapes):
    """A tensor of any format, shape and encodings."""
    fmt = draw(st.sampled_from(list(FORMATS.values())))
    shape = draw(shape)
    is_complex = draw(st.booleans())
    count = math.prod(shape) * (2 if is_complex else 1)
    encodings = st.integers(0, 2**fmt.width - 1)
    bits = tuple(draw(st.lists(encodings, min_size=count, max_size=count)))
    layout = None if is_complex else draw(st.none() | layouts(shape, fmt.width))
    return Tensor(fmt.name, shape, bits, is_complex, layout)


@st.composite
def sparse(draw):
    """Rows in any order, none or some, duplicates among them, real or complex."""
    count, row = draw(st.integers(1, 9)), draw(shapes)
    indices = tuple(draw(st.lists(st.integers(0, count - 1), max_size=3)))
    values = draw(tensors(st.just((len(indices), *row))))
    return Sparse((count, *row), indices, values)


gradients = st.one_of(st.none(), tensors(), sparse())
by_name = st.dictionaries(names, gradients, max_size=2)
groups = st.builds(Group, st.lists(names, max_size=3).map(tuple), options)
events = st.one_of(
    st.builds(New, names, st.lists(groups, max_size=2).map(tuple), options),
    st.builds(Step, names, by_name, st.none() | any_float),
    st.builds(
        Steps,
        names,
        st.lists(by_name, min_size=1, max_size=3).map(tuple),
        st.integers(1, 2**40),
    ),
    st.tuples(names, st.integers(0, 3), settings_).map(
        lambda x: SetOption(x[0], x[1], *x[2])
    ),
    st.builds(AddGroup, names, groups),
    st.builds(ZeroGrad, names, st.booleans()),
    st.builds(Read, names),
    st.builds(Save, names, names),
    st.builds(
        Load,
        names,
        names,
        st.sampled_from(["same-object", "deepcopy", "bytes", "new-process"]),
    ),
    st.builds(SetState, names, names, tensors(), st.integers(0, 2**40)),
)
scenarios = st.builds(
    Scenario,
    paths,
    st.lists(paths, min_size=1, max_size=2).map(tuple),
    st.sampled_from(["MUST", "SHOULD", "MAY"]),
    st.dictionaries(names, tensors(), max_size=2),
    st.lists(events, min_size=1, max_size=4).map(tuple),
    st.lists(st.sampled_from(Flag), max_size=2).map(tuple),
    notes,
)


def through_text(data):
    """The JSON value after being written and read."""
    return json.loads(json.dumps(data, allow_nan=False))


# -- examples ---

TENSOR = {"format": "binary16", "shape": [2], "bits": ["3c00", "0001"]}
LAID = {**TENSOR, "layout": {"length": 4, "offset": 1, "strides": [2], "guard": "7e00"}}
ROWS = {"shape": [4, 2], "indices": [3], "values": {**TENSOR, "shape": [1, 2]}}
NUMBER = {"bits": "3ff0000000000000"}
GROUP = {"params": ["a"], "options": {"lr": NUMBER}}
EVENTS = {
    "new": {
        "do": "new",
        "optimizer": "o",
        "groups": [GROUP],
        "options": {"eps": NUMBER},
    },
    "step": {"do": "step", "optimizer": "o", "gradients": {"a": LAID}, "loss": NUMBER},
    "steps": {
        "do": "steps",
        "optimizer": "o",
        "cycle": [{"a": ROWS}, {"a": None}],
        "count": 3,
    },
    "set-option": {
        "do": "set-option",
        "optimizer": "o",
        "group": 0,
        "option": "lr",
        "value": NUMBER,
    },
    "add-group": {"do": "add-group", "optimizer": "o", "group": GROUP},
    "zero-grad": {"do": "zero-grad", "optimizer": "o", "set_to_none": True},
    "state-dict": {"do": "state-dict", "optimizer": "o"},
    "save": {"do": "save", "optimizer": "o", "name": "s"},
    "load": {"do": "load", "optimizer": "o", "name": "s", "via": "bytes"},
    "set-state": {
        "do": "set-state",
        "optimizer": "o",
        "param": "a",
        "sum": TENSOR,
        "t": 3,
    },
}
SCENARIO = {
    "id": "family/case",
    "requirements": ["algorithm/update"],
    "level": "MUST",
    "tensors": {"a": LAID},
    "events": list(EVENTS.values()),
}


def damaged(data, path, value):
    """A copy with the item at `path` replaced, or deleted for the value `...`."""
    data = copy.deepcopy(data)
    place = data
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return data


VECTORS = Path(__file__).parents[2] / "vectors"
SCHEMA = json.loads((VECTORS / "schema.json").read_text())


def flaws(part, data):
    """What the schema says against a value that is to be of one of its parts."""
    schema = {"$ref": f"#/$defs/{part}", "$defs": SCHEMA["$defs"]}
    validator = jsonschema.Draft202012Validator(schema)
    return [error.message for error in validator.iter_errors(data)]
