"""Numbers, tensors and gradients survive JSON, and damage is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from json_kit import (
    EXAMPLES,
    TENSOR,
    damaged,
    flaws,
    gradients,
    tensors,
    through_text,
)

from adagrad_reference.formats import FORMATS, decimal, float_from_hex_bits
from adagrad_reference.json_fields import CodecError
from adagrad_reference.tensor_json import (
    gradient_from_json,
    gradient_to_json,
    number_from_json,
    number_to_json,
    options_from_json,
    tensor_from_json,
    tensor_to_json,
)


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


@pytest.mark.parametrize("key", ["format", "shape", "bits"])
def test_a_missing_field_of_a_tensor_is_named(key):
    with pytest.raises(CodecError, match=key):
        tensor_from_json(damaged(TENSOR, [key], ...))


def test_an_option_without_bits_is_named():
    with pytest.raises(CodecError, match="eps"):
        options_from_json({"eps": {"decimal": "1.0"}})


@pytest.mark.parametrize("data", [5, [], "x", {}, ["indices"], {"indices": [0]}])
def test_what_is_no_gradient_at_all(data):
    with pytest.raises(CodecError):
        gradient_from_json(data)


@EXAMPLES
@given(gradients)
def test_the_schema_takes_every_gradient(gradient):
    assert flaws("gradient", through_text(gradient_to_json(gradient))) == []
