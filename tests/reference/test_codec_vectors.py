"""Scenarios and vectors survive JSON, and damage is named in one clear line."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adagrad_reference.bookkeeping import ScenarioError
from adagrad_reference.flags import Flag
from adagrad_reference.formats import FORMATS, decimal, float_from_hex_bits
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
from adagrad_reference.scenario_json import (
    CodecError,
    event_from_json,
    event_to_json,
    gradient_from_json,
    gradient_to_json,
    group_from_json,
    number_from_json,
    number_to_json,
    options_from_json,
    scenario_from_json,
    scenario_to_json,
    tensor_from_json,
    tensor_to_json,
)
from adagrad_reference.vectors import (
    FORMAT_VERSION,
    MANIFEST,
    Vector,
    VectorError,
    digest,
    family_text,
    manifest_text,
    read_family,
    read_manifest,
    vector_from_json,
    vector_to_json,
)

EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True)

# -- strategies -----------------------------------------------------------------------

names = st.text(min_size=1, max_size=8)
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
    names,
    st.lists(names, min_size=1, max_size=2).map(tuple),
    st.sampled_from(["MUST", "SHOULD", "MAY"]),
    st.dictionaries(names, tensors(), max_size=2),
    st.lists(events, min_size=1, max_size=4).map(tuple),
    st.lists(st.sampled_from(Flag), max_size=2).map(tuple),
    st.text(max_size=20),
)


def through_text(data):
    """The JSON value after being written and read."""
    return json.loads(json.dumps(data, allow_nan=False))


# -- round trips ----------------------------------------------------------------------


@EXAMPLES
@given(scenarios)
def test_scenarios_survive(scenario):
    data = through_text(scenario_to_json(scenario))
    back = scenario_from_json(data)
    # NaN hyperparameters keep their payload, so compare the encodings
    assert scenario_to_json(back) == data
    assert (back.id, back.requirements, back.level) == (
        scenario.id,
        scenario.requirements,
        scenario.level,
    )
    assert (back.tensors, back.flags, back.note) == (
        scenario.tensors,
        scenario.flags,
        scenario.note,
    )
    assert [type(event) for event in back.events] == [type(e) for e in scenario.events]


@EXAMPLES
@given(events)
def test_events_survive(event):
    data = through_text(event_to_json(event))
    back = event_from_json(data)
    assert type(back) is type(event)
    assert event_to_json(back) == data
    if "nan" not in repr(event):
        assert back == event


@EXAMPLES
@given(gradients)
def test_gradients_survive(gradient):
    assert gradient_from_json(through_text(gradient_to_json(gradient))) == gradient


@EXAMPLES
@given(tensors())
def test_tensors_survive_without_the_decimals(tensor):
    data = tensor_to_json(tensor)
    del data["decimal"]
    assert tensor_from_json(data) == tensor
    assert tensor_to_json(tensor, decimals=False) == data


@pytest.mark.parametrize(
    "digits",
    ["7ff8000000000001", "fff0000000000001", "8000000000000000", "0000000000000001"],
)
def test_payloads_signs_and_subnormals_survive(digits):
    value = float_from_hex_bits(digits)
    data = through_text(number_to_json(value))
    assert data["bits"] == digits
    assert number_to_json(number_from_json(data)) == data


def test_flags_are_no_numbers():
    assert number_to_json(True) is True
    assert number_from_json(False) is False
    assert number_to_json(1.0) == {"bits": "3ff0000000000000", "decimal": "1.0"}


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=lambda fmt: fmt.name)
def test_decimals_determine_the_number(fmt):
    value = 1.0
    for _ in range(300):
        assert fmt.round(value_of(decimal(fmt, value))) == value
        value = fmt.next_up(value)
    for value in (fmt.largest, fmt.eta, fmt.smallest_normal, -3 * fmt.eta):
        assert fmt.round(value_of(decimal(fmt, value))) == value


def value_of(text):
    """The rational that a decimal spells."""
    from fractions import Fraction

    return Fraction(text)


# -- errors ---------------------------------------------------------------------------

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
    "requirements": ["ALG-7"],
    "level": "MUST",
    "tensors": {"a": LAID},
    "events": list(EVENTS.values()),
}


def test_the_examples_are_right():
    scenario = scenario_from_json(SCENARIO)
    assert [e["do"] for e in scenario_to_json(scenario)["events"]] == list(EVENTS)
    assert scenario.tensors["a"].values() == [1.0, 2.0**-24]


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


@pytest.mark.parametrize("name", ["id", "requirements", "level", "tensors", "events"])
def test_a_missing_field_of_a_scenario_is_named(name):
    with pytest.raises(CodecError, match=name):
        scenario_from_json(damaged(SCENARIO, [name], ...))


MISSING = [
    (word, key)
    for word, event in EVENTS.items()
    for key in event
    if key not in ("do", "loss")
]


@pytest.mark.parametrize(("word", "key"), MISSING)
def test_a_missing_field_of_an_event_is_named(word, key):
    event = damaged(EVENTS[word], [key], ...)
    with pytest.raises(CodecError) as caught:
        event_from_json(event)
    assert key in str(caught.value)
    assert word in str(caught.value)
    with pytest.raises(CodecError, match="family/case"):
        scenario_from_json({**SCENARIO, "events": [event]})


@pytest.mark.parametrize("key", ["format", "shape", "bits"])
def test_a_missing_field_of_a_tensor_is_named(key):
    with pytest.raises(CodecError, match=key):
        tensor_from_json(damaged(TENSOR, [key], ...))


@pytest.mark.parametrize("key", ["params", "options"])
def test_a_missing_field_of_a_group_is_named(key):
    with pytest.raises(CodecError, match=key):
        group_from_json(damaged(GROUP, [key], ...))


def test_an_option_without_bits_is_named():
    with pytest.raises(CodecError, match="eps"):
        options_from_json({"eps": {"decimal": "1.0"}})


UNKNOWN = {
    "event": (["events", 0, "do"], "explode", "unknown event 'explode'"),
    "format": (["tensors", "a", "format"], "binary63", "unknown format 'binary63'"),
    "way to load": (["events", 8, "via"], "carrier-pigeon", "carrier-pigeon|via"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_unknown_is_named(name):
    path, value, message = UNKNOWN[name]
    with pytest.raises(CodecError, match=message):
        scenario_from_json(damaged(SCENARIO, path, value))


ROW = ("events", 2, "cycle", 0, "a")
WRONG_KIND = {
    "bits that are no digits": ["tensors", "a", "bits", 0, "zzzz"],
    "bits with a prefix": ["tensors", "a", "bits", 0, "0x1f"],
    "too many digits": ["tensors", "a", "bits", 0, "13c00"],
    "bits as a number": ["tensors", "a", "bits", 0, 15360],
    "too few elements": ["tensors", "a", "bits", ["3c00"]],
    "shape as text": ["tensors", "a", "shape", "2"],
    "extent as text": ["tensors", "a", "shape", 0, "2"],
    "guard too long": ["tensors", "a", "layout", "guard", "17e00"],
    "layout as a list": ["tensors", "a", "layout", [1, 2]],
    "layout without strides": ["tensors", "a", "layout", {"length": 1, "offset": 0}],
    "offset as text": ["tensors", "a", "layout", "offset", "1"],
    "tensors as a list": ["tensors", []],
    "tensor as a number": ["tensors", "a", 5],
    "events as a number": ["events", 5],
    "event as text": ["events", 0, "new"],
    "level as a number": ["level", 1],
    "number of 15 digits": ["events", 0, "options", "eps", "bits", "3ff000000000000"],
    "number that is no digits": ["events", 0, "options", "eps", "bits", "z" * 16],
    "number as a float": ["events", 0, "options", "eps", 1.0],
    "options as a list": ["events", 0, "options", []],
    "groups as a number": ["events", 0, "groups", 3],
    "optimizer as a number": ["events", 0, "optimizer", 3],
    "gradients as a list": ["events", 1, "gradients", []],
    "gradient as a number": ["events", 1, "gradients", "a", 3],
    "loss as text": ["events", 1, "loss", "0.5"],
    "cycle as one set": ["events", 2, "cycle", {"a": None}],
    "a set as a list": ["events", 2, "cycle", 0, [ROWS]],
    "a set as None": ["events", 2, "cycle", 1, None],
    "count as text": ["events", 2, "count", "3"],
    "count as a flag": ["events", 2, "count", True],
    "indices as a number": [*ROW, "indices", 3],
    "an index as text": [*ROW, "indices", ["3"]],
    "an index outside": [*ROW, "indices", [4]],
    "an index below": [*ROW, "indices", [-1]],
    "rows without values": [*ROW, "values", None],
    "rows of another width": [*ROW, "values", TENSOR],
    "more rows than indices": [*ROW, "indices", []],
    "rows of a scalar": [*ROW, "shape", []],
    "group as text": ["events", 3, "group", "0"],
    "set_to_none as text": ["events", 5, "set_to_none", "yes"],
    "t as text": ["events", 9, "t", "3"],
    "t as a fraction": ["events", 9, "t", 3.5],
}


@pytest.mark.parametrize("name", WRONG_KIND)
def test_the_wrong_kind_is_an_error_that_names_the_scenario(name):
    *path, value = WRONG_KIND[name]
    with pytest.raises(CodecError, match="family/case"):
        scenario_from_json(damaged(SCENARIO, path, value))


@pytest.mark.parametrize("data", [None, 5, [], "x", {}])
def test_what_is_no_object_at_all(data):
    for read in (
        scenario_from_json,
        event_from_json,
        tensor_from_json,
        group_from_json,
    ):
        with pytest.raises(CodecError):
            read(data)


@pytest.mark.parametrize("data", [5, [], "x", {}, ["indices"], {"indices": [0]}])
def test_what_is_no_gradient_at_all(data):
    with pytest.raises(CodecError):
        gradient_from_json(data)


# -- the schema -----------------------------------------------------------------------

SCHEMA = json.loads((Path(__file__).parents[2] / "vectors" / "schema.json").read_text())


def flaws(part, data):
    """What the schema says against a value that is to be of one of its parts."""
    schema = {"$ref": f"#/$defs/{part}", "$defs": SCHEMA["$defs"]}
    validator = jsonschema.Draft202012Validator(schema)
    return [error.message for error in validator.iter_errors(data)]


@pytest.mark.parametrize("word", EVENTS)
def test_the_schema_knows_every_event(word):
    data = event_to_json(event_from_json(EVENTS[word]))
    assert flaws("event", data) == []
    assert flaws("event", {**data, "more": 1}) != []
    for key in EVENTS[word]:
        lacking = {k: value for k, value in data.items() if k != key}
        assert (flaws("event", lacking) == []) == (key == "loss")


@EXAMPLES
@given(gradients)
def test_the_schema_takes_every_gradient(gradient):
    assert flaws("gradient", through_text(gradient_to_json(gradient))) == []


# -- vectors --------------------------------------------------------------------------


def plain_tensor(fmt, *values):
    return Tensor(fmt, (len(values),), tuple(FORMATS[fmt].encode(v) for v in values))


def examples(fmt="binary32"):
    """Vectors with boxes, NaN, an empty box, a refusal and a load."""
    a = plain_tensor(fmt, 1.0, math.inf, 0.5, -2.0)
    g = plain_tensor(fmt, 0.25, 1.0, math.inf, 0.0)
    script = (
        New("o", (Group(("a",)),), {"lr": 0.5, "eps": 2.0**-10}),
        Step("o", {"a": g}),
        Save("o", "s"),
        Step("o"),
        AddGroup("o", Group(("a",))),
        Load("o", "s", "deepcopy"),
    )
    return [
        Vector.of(Scenario("f/one", ("ALG-7",), "MUST", {"a": a}, script, (Flag.TIE,))),
        Vector.of(Scenario("f/two", ("ALG-2",), "MAY", {"a": a}, script[:2])),
    ]


@pytest.mark.parametrize("fmt", FORMATS)
def test_vectors_survive(fmt):
    for vector in examples(fmt):
        data = through_text(vector_to_json(vector))
        back = vector_from_json(data)
        assert through_text(vector_to_json(back)) == data
        assert back.scenario == vector.scenario
        for got, want in zip(back.expect, vector.expect, strict=True):
            assert (got.refusal, list(got.params)) == (want.refusal, list(want.params))
            for name, param in want.params.items():
                assert got.params[name].t == param.t
                assert got.params[name].theta == param.theta
                assert got.params[name].state_sum == param.state_sum


def test_a_vector_is_what_is_played():
    one = examples()[0]
    assert len(one.expect) == len(one.scenario.events)
    assert one.expect[4].refusal == "a param is already in a group"
    data = vector_to_json(one)["expect"]
    assert data[4] == {"outcome": "refused", "reason": one.expect[4].refusal}
    assert data[1]["params"]["a"]["theta"]["lawful"]["nan"] == [
        False,
        False,
        True,
        False,
    ]
    assert data[2] == {"outcome": "ok", "params": {}}


def write(folder, text, name="one.json"):
    (folder / name).write_text(text)
    (folder / MANIFEST).write_text(manifest_text({name: text}))


def test_files_are_read_back(tmp_path):
    text = family_text("one", examples())
    write(tmp_path, text)
    manifest = read_manifest(tmp_path)
    assert manifest == {"one.json": digest(text.encode())}
    assert len(digest(b"")) == 64
    read = read_family(tmp_path, "one.json", manifest["one.json"])
    assert read == [through_text(vector_to_json(vector)) for vector in examples()]


def test_the_text_is_deterministic_and_readable():
    text = family_text("one", examples())
    assert text == family_text("one", iter(examples()))
    data = json.loads(text)
    assert data["format_version"] == FORMAT_VERSION
    assert data["notes"] == {"tie": Flag.TIE.meaning}
    assert text.endswith("}\n")
    assert len(text.splitlines()) > 40


def test_a_manifest_is_sorted():
    assert list(json.loads(manifest_text({"b": "", "a": ""}))["files"]) == ["a", "b"]


def test_an_unknown_flag_is_refused_where_it_is_read():
    data = scenario_to_json(examples()[0].scenario)
    assert data["flags"] == ["tie"]
    assert scenario_from_json(data).flags == (Flag.TIE,)
    with pytest.raises(CodecError, match=r"unknown flag 'odd'; known: cancellation, "):
        scenario_from_json({**data, "flags": ["tie", "odd"]})


def test_an_unknown_flag_is_refused_where_it_is_played():
    odd = replace(examples()[0].scenario, flags=("odd",))
    with pytest.raises(ScenarioError, match=r"f/one: unknown flags \['odd'\]"):
        Vector.of(odd)


def one_line(caught):
    """The message, which must be one clear line."""
    message = str(caught.value)
    assert "\n" not in message
    assert 20 < len(message) < 400
    return message


def test_an_altered_bit_is_found(tmp_path):
    text = family_text("one", examples())
    write(tmp_path, text)
    expected = read_manifest(tmp_path)["one.json"]
    raw = bytearray(text.encode())
    for place in (0, len(raw) // 2, len(raw) - 1):
        changed = bytearray(raw)
        changed[place] ^= 1
        (tmp_path / "one.json").write_bytes(changed)
        with pytest.raises(VectorError) as caught:
            read_family(tmp_path, "one.json", expected)
        message = one_line(caught)
        assert "one.json is altered" in message
        assert "verify" in message


def test_missing_files(tmp_path):
    for read in (read_manifest, lambda f: read_family(f, "one.json", "0" * 64)):
        with pytest.raises(VectorError) as caught:
            read(tmp_path)
        assert "cannot read" in one_line(caught)
        assert "No such file" in str(caught.value)


BROKEN = ["", "{", "[]", "5", "null", '"text"', "{}", '{"files": {}}', "\ufeff{}"]


@pytest.mark.parametrize("text", BROKEN)
def test_damaged_json(tmp_path, text):
    write(tmp_path, text)
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(VectorError) as caught:
        read_manifest(tmp_path)
    assert MANIFEST in one_line(caught)
    with pytest.raises(VectorError) as caught:
        read_family(tmp_path, "one.json", digest(text.encode()))
    assert "one.json" in one_line(caught)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / MANIFEST).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(VectorError, match="no vector file"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_is_refused(tmp_path, version):
    text = json.dumps({"format_version": version, "vectors": [], "files": {}})
    write(tmp_path, text)
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(VectorError) as caught:
        read_manifest(tmp_path)
    assert f"version {version!r}" in one_line(caught)
    with pytest.raises(VectorError):
        read_family(tmp_path, "one.json", digest(text.encode()))


def test_a_file_without_its_list_is_no_vector_file(tmp_path):
    text = json.dumps({"format_version": FORMAT_VERSION})
    write(tmp_path, text)
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(VectorError):
        read_manifest(tmp_path)
    with pytest.raises(VectorError):
        read_family(tmp_path, "one.json", digest(text.encode()))
