"""Scenarios survive JSON, and damage is named in one clear line."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_kit import (
    EVENTS,
    EXAMPLES,
    GROUP,
    ROWS,
    SCENARIO,
    SCHEMA,
    TENSOR,
    VECTORS,
    damaged,
    events,
    flaws,
    names,
    paths,
    scenarios,
    through_text,
)

from adagrad_reference.bookkeeping import Bookkeeper, ScenarioError
from adagrad_reference.flags import Flag
from adagrad_reference.formats import FORMATS
from adagrad_reference.json_fields import CodecError
from adagrad_reference.names import (
    NOTE_LENGTH,
    PATH_LENGTH,
    WORD_LENGTH,
    is_path,
    is_word,
    shown,
)
from adagrad_reference.numeric_class import CLASSES
from adagrad_reference.options import OPTION_NAMES
from adagrad_reference.scenario import LEVELS, Event, LoadWay
from adagrad_reference.scenario_json import (
    EVENT_WORDS,
    event_from_json,
    event_to_json,
    group_from_json,
    scenario_from_json,
    scenario_to_json,
)
from adagrad_reference.tensor_json import tensor_from_json


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


def test_the_examples_are_right():
    scenario = scenario_from_json(SCENARIO)
    assert [e["do"] for e in scenario_to_json(scenario)["events"]] == list(EVENTS)
    assert scenario.tensors["a"].values() == [1.0, 2.0**-24]


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


@pytest.mark.parametrize("key", ["params", "options"])
def test_a_missing_field_of_a_group_is_named(key):
    with pytest.raises(CodecError, match=key):
        group_from_json(damaged(GROUP, [key], ...))


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


# -- flags and notes ------------------------------------------------------------------


def test_an_unknown_flag_is_refused_where_it_is_read():
    data = {**SCENARIO, "flags": ["tie"]}
    assert scenario_from_json(data).flags == (Flag.TIE,)
    with pytest.raises(CodecError, match=r"unknown flag 'odd'; known: cancellation, "):
        scenario_from_json({**data, "flags": ["tie", "odd"]})
    for wrong in ("tie", [1], [None], [["tie"]], {"tie": 1}):
        with pytest.raises(CodecError, match="flag"):
            scenario_from_json({**data, "flags": wrong})


def test_an_unknown_flag_is_refused_where_it_is_played():
    odd = replace(scenario_from_json(SCENARIO), flags=("odd",))
    with pytest.raises(ScenarioError, match=r"family/case: unknown flags \['odd'\]"):
        Bookkeeper(odd)


@pytest.mark.parametrize("note", ["", "why g = 0 matters", "größer als 0, dann ∞"])
def test_a_note_is_one_line(note):
    assert scenario_from_json({**SCENARIO, "note": note}).note == note


NO_NOTES = [
    "two\nlines",
    "a\tb",
    "\x1b[31m",
    "\x00",
    "\u202eabc",
    "\ud800",
    "x" * 1001,
    5,
]


@pytest.mark.parametrize("note", NO_NOTES, ids=ascii)
def test_a_note_of_another_kind_is_refused(note):
    with pytest.raises(CodecError, match="'note' must be"):
        scenario_from_json({**SCENARIO, "note": note})


# -- names ----------------------------------------------------------------------------

HOSTILE = [
    "",
    "{print(1)}",
    "a'b",
    'a"b',
    "a`b",
    "a\\b",
    "a\n",
    "a\nimport os",
    "a\r",
    "a\x00",
    "a b",
    " a",
    "a;b",
    "a#b",
    "$a",
    "${a}",
    "../a",
    "a/../b",
    "/etc/passwd",
    "a//b",
    "a/",
    "-a",
    ".",
    "\u0430",  # Cyrillic, looks like a
    "a\u0301",
    "\uff41",
    "a\u202eb",
    "\U0001d44e",
    "\u0661",
    "\ud800",
    "a" * 1000,
    "a" * (PATH_LENGTH + 1),
]
#: Where a name stands in the examples; the last item is the key where the key is it.
NAMED = {
    "the id": ["id"],
    "a requirement": ["requirements", 0],
    "a tensor": ["tensors", "a"],
    "an optimizer": ["events", 6, "optimizer"],
    "a param of a group": ["events", 0, "groups", 0, "params", 0],
    "a param of an added group": ["events", 4, "group", "params", 0],
    "a gradient": ["events", 1, "gradients", "a"],
    "a gradient of many steps": ["events", 2, "cycle", 0, "a"],
    "a save": ["events", 7, "name"],
    "a load": ["events", 8, "name"],
    "the param of a state": ["events", 9, "param"],
    "an option": ["events", 3, "option"],
    "an option of an optimizer": ["events", 0, "options", "eps"],
    "a word of an event": ["events", 5, "do"],
    "a way to load": ["events", 8, "via"],
    "a flag": ["flags", 0],
    "a level": ["level"],
    "a format": ["tensors", "a", "format"],
}
KEYS = (
    "a tensor",
    "a gradient",
    "a gradient of many steps",
    "an option of an optimizer",
)


def renamed(where, name):
    """The example with another name in one place."""
    data, steps = copy.deepcopy({**SCENARIO, "flags": ["tie"]}), NAMED[where]
    place = data
    for key in steps[:-1]:
        place = place[key]
    if where in KEYS:
        place[name] = place.pop(steps[-1])
    else:
        place[steps[-1]] = name
    return data


@pytest.mark.parametrize("where", NAMED)
def test_hostile_names_are_refused_in_one_safe_line(where):
    in_event = ("a param", "an optimizer", "a gradient", "a save", "a load")
    for name in HOSTILE:
        with pytest.raises(CodecError) as caught:
            scenario_from_json(renamed(where, name))
        message = str(caught.value)
        assert message.isascii()
        assert message.isprintable()
        assert len(message) < 400
        assert shown(name) in message
        if where != "the id":
            assert message.startswith("scenario family/case: ")
        if where.startswith(in_event):
            assert "event '" in message


@pytest.mark.parametrize("where", ["a tensor", "an optimizer", "a save", "a load"])
def test_harmless_names_are_read(where):
    for name in ("p", "P_12", "a" * 64, "B", "lambda"):
        scenario_from_json(renamed(where, name))


def test_harmless_paths_are_read():
    for name in ("a", "a/b", "a-1/b-2/3", "explored/binary32", "a" * PATH_LENGTH):
        assert scenario_from_json(renamed("the id", name)).id == name
        scenario_from_json(renamed("a requirement", name))


@EXAMPLES
@given(st.text(max_size=6) | st.text("aZ0_-/.\n ", max_size=6) | names)
def test_reader_and_schema_have_one_grammar_of_names(text):
    assert is_word(text) == (flaws("word", text) == [])


@EXAMPLES
@given(st.text(max_size=6) | st.text("az0_-/.~=\n ", max_size=9) | paths)
def test_reader_and_schema_have_one_grammar_of_paths(text):
    assert (is_path(text) and "/" in text) == (flaws("path", text) == [])


def test_the_limits_are_those_of_the_schema():
    definitions = SCHEMA["$defs"]
    assert definitions["word"]["maxLength"] == WORD_LENGTH
    assert definitions["path"]["maxLength"] == PATH_LENGTH
    note = definitions["vector"]["properties"]["note"]
    assert note["maxLength"] == NOTE_LENGTH


# -- the schema -----------------------------------------------------------------------


def test_every_kind_of_event_has_its_word():
    assert set(EVENT_WORDS) == set(get_args(Event))
    assert list(EVENT_WORDS.values()) == list(EVENTS)
    for kind, word in EVENT_WORDS.items():
        assert type(event_from_json(EVENTS[word])) is kind


def test_the_schema_has_the_tables_of_the_language():
    definitions = SCHEMA["$defs"]
    events = definitions["event"]
    words = list(EVENT_WORDS.values())
    assert events["properties"]["do"]["enum"] == words
    assert [case["then"]["$ref"] for case in events["allOf"]] == [
        f"#/$defs/event-{word}" for word in words
    ]
    assert sorted(definitions["flag"]["enum"]) == sorted(Flag)
    assert list(definitions["options"]["properties"]) == list(OPTION_NAMES)
    option = definitions["event-set-option"]["properties"]["option"]
    assert option["enum"] == list(OPTION_NAMES)
    way = definitions["event-load"]["properties"]["via"]
    assert way["enum"] == list(get_args(LoadWay))
    assert definitions["tensor"]["properties"]["format"]["enum"] == list(FORMATS)
    assert definitions["vector"]["properties"]["level"]["enum"] == list(LEVELS)
    assert list(definitions["numbers"]["properties"]) == [*CLASSES, "exact"]


def test_the_guide_of_the_vectors_explains_every_event():
    guide = (VECTORS / "README.md").read_text()
    for word in EVENT_WORDS.values():
        assert f"\n| `{word}` | " in guide


@pytest.mark.parametrize("word", EVENTS)
def test_the_schema_knows_every_event(word):
    data = event_to_json(event_from_json(EVENTS[word]))
    assert flaws("event", data) == []
    assert flaws("event", {**data, "more": 1}) != []
    for key in EVENTS[word]:
        lacking = {k: value for k, value in data.items() if k != key}
        assert (flaws("event", lacking) == []) == (key == "loss")
