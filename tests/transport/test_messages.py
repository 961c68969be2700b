"""Tensors, gradients and readings as messages, there and back."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from adagrad_conformance.adapters.base import (
    ClosureAnswer,
    Malformed,
    Reading,
)
from adagrad_conformance.transport import (
    messages as wire,
)
from adagrad_reference.scenario import (
    Layout,
    Sparse,
    Step,
    Steps,
    Tensor,
)

COMPLEX = Tensor("binary32", (2,), (1, 2, 3, 4), complex=True)
VIEW = Tensor("binary64", (2,), (5, 6), layout=Layout(7, 1, (2,), 0x7FF8))
ROWS = Sparse((4,), (3, 0, 3), Tensor("binary32", (3,), (1, 2, 3, 4, 5, 6), True))
EMPTY = Tensor("bfloat16", (0, 3), ())


def through_text(data):
    return json.loads(json.dumps(data))


@pytest.mark.parametrize("packed", [True, False])
def test_tensors_and_gradients_come_back(packed):
    tensors = {"c": COMPLEX, "v": VIEW, "e": EMPTY}
    sent = through_text(wire.tensors_to_wire(tensors, packed))
    assert isinstance(sent["c"]["bits"], str if packed else list)
    assert wire.tensors_from_wire(sent) == tensors
    gradients = {"c": ROWS, "v": VIEW, "e": None}
    for event in (Step("A", gradients), Steps("A", (gradients, {"e": EMPTY}), 5)):
        sent = through_text(wire.event_to_wire(event, None, packed))
        assert wire.event_from_wire(sent) == (event, False, None)
        assert "decimal" not in json.dumps(sent)
    answer = ClosureAnswer(gradients, 0.5)
    sent = through_text(wire.answer_to_wire(answer, packed))
    assert wire.answer_from_wire(sent) == answer


def test_readings_come_back():
    readings = {
        "c": Reading(COMPLEX, ROWS, COMPLEX, 7),
        "v": Reading(replace(VIEW, layout=None), None, None, None, tuple(range(7))),
    }
    sent = through_text(wire.readings_to_wire(readings))
    assert wire.readings_from_wire(sent) == readings
    sent["params"]["v"]["storage"] = [f"{i:016x}" for i in range(7)]
    assert wire.readings_from_wire(sent) == readings


PACKED = {"format": "binary32", "shape": [2], "bits": "0000000100000002"}
BAD_PACKS = {
    "a digit less": "000000010000000",
    "an encoding less": "00000001",
    "an encoding more": "000000010000000200000003",
    "no hex": "000000010000000g",
    "spaces": "00000001000000  ",
    "a space within": "0000000 1 0000002",
    "a sign": "00000001-0000002",
    "other digits": "0000000100000\u0660\u0661\u0662",
    "nothing": "",
}


@pytest.mark.parametrize("name", BAD_PACKS)
def test_packed_bits_that_are_none(name):
    assert wire.tensors_from_wire({"p": PACKED})["p"].bits == (1, 2)
    with pytest.raises(Malformed):
        wire.tensors_from_wire({"p": {**PACKED, "bits": BAD_PACKS[name]}})


@pytest.mark.parametrize("shape", [[2.0], [True, 2], ["2"], "2", None, [-2]])
def test_shapes_that_are_none(shape):
    """Also where the same tensor of a right shape was read before."""
    wire.tensors_from_wire({"p": {**PACKED, "shape": [1, 2]}})
    wire.tensors_from_wire({"p": PACKED})
    with pytest.raises(Malformed):
        wire.tensors_from_wire({"p": {**PACKED, "shape": shape}})
