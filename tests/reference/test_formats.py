"""The formats are IEEE 754's, bit for bit.

16-bit formats exhaustively against numpy and ml_dtypes, binary32 and binary64 against
numpy and struct, directed rounding by its laws, and bad input by its errors.
"""

from __future__ import annotations

import itertools
import math
import struct
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from programs import ALL_FORMATS, NARROW, fraction_nearest, nearest

from adagrad_reference.array_exact import ulp_array
from adagrad_reference.array_intervals import round_array
from adagrad_reference.formats import (
    BFLOAT16,
    BINARY16,
    BINARY32,
    BINARY64,
    DOWN,
    FORMATS,
    NEAREST,
    UP,
    Format,
    float_from_hex_bits,
    float_to_hex_bits,
)

BY_NAME = pytest.mark.parametrize("fmt", ALL_FORMATS, ids=lambda fmt: fmt.name)
SHORT = pytest.mark.parametrize("fmt", NARROW, ids=lambda fmt: fmt.name)
DTYPES = {
    "binary16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "binary32": np.dtype(np.float32),
    "binary64": np.dtype(np.float64),
}
TOY = Format("toy", 8, 3, 15)  # float8 E5M2
EXAMPLES = settings(max_examples=200, deadline=None, derandomize=True)

fractions = st.one_of(
    st.fractions(),
    st.builds(
        lambda m, e, d: Fraction(m) * Fraction(2) ** e / d,
        st.integers(-(2**60), 2**60),
        st.integers(-1150, 1050),
        st.integers(1, 2**30),
    ),
)
any_format = st.sampled_from([*ALL_FORMATS, TOY])


def same(a, b):
    """Whether two floats are equal, zeros by sign and NaN by being NaN."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b and math.copysign(1, a) == math.copysign(1, b)


def all_values(fmt):
    """Every encoding of a 16-bit format as the other library reads it."""
    encodings = np.arange(1 << 16, dtype=np.uint16)
    with np.errstate(invalid="ignore"):
        return encodings.view(DTYPES[fmt.name]).astype(float)


def finite_values(fmt):
    """Every finite value, increasing, -0 left out."""
    values = all_values(fmt)
    return np.unique(values[np.isfinite(values)])


# -- constants ------------------------------------------------------------------------


@BY_NAME
def test_constants_agree_with_finfo(fmt):
    info = ml_dtypes.finfo(DTYPES[fmt.name])
    assert fmt.largest == float(info.max)
    assert fmt.smallest_normal == float(info.tiny)
    assert fmt.eta == float(info.smallest_subnormal)
    assert 2 * fmt.unit_roundoff == float(info.eps)
    assert fmt.width == info.bits
    assert fmt.hex_digits * 4 == fmt.width
    assert fmt.emin == info.minexp


def test_formats_are_listed_widest_first_under_their_names():
    assert list(FORMATS) == ["binary64", "binary32", "bfloat16", "binary16"]
    assert all(fmt.name == name for name, fmt in FORMATS.items())


# -- 16 bits, exhaustively ------------------------------------------------------------


@SHORT
def test_decode_every_encoding(fmt):
    for bits, value in enumerate(all_values(fmt).tolist()):
        assert same(fmt.decode(bits), value), hex(bits)


@SHORT
def test_encode_every_value(fmt):
    for bits, value in enumerate(all_values(fmt).tolist()):
        encoded = fmt.encode(value)
        if math.isnan(value):
            assert math.isnan(fmt.decode(encoded))
        else:
            assert encoded == bits
            assert fmt.from_hex(fmt.to_hex(value)) == value


@SHORT
def test_neighbours_of_every_value(fmt):
    values = [-math.inf, *finite_values(fmt).tolist(), math.inf]
    for below, above in itertools.pairwise(values):
        assert fmt.next_up(below) == above
        assert fmt.next_down(above) == below
    assert fmt.next_up(math.inf) == math.inf
    assert fmt.next_down(-math.inf) == -math.inf
    assert math.isnan(fmt.next_up(math.nan))
    assert fmt.next_up(-0.0) == fmt.eta


@SHORT
def test_ulp_of_every_value(fmt):
    values = finite_values(fmt)
    positive = values[values >= 0]
    gaps = np.append(np.diff(positive), fmt.ulp(fmt.largest))
    assert [fmt.ulp(x) for x in positive.tolist()] == gaps.tolist()
    assert [fmt.ulp(-x) for x in positive.tolist()] == gaps.tolist()
    assert ulp_array(fmt, positive).tolist() == gaps.tolist()
    assert fmt.ulp(math.inf) == gaps[-1] == gaps[-2]
    assert math.isnan(fmt.ulp(math.nan))


def round_float(fmt, x):
    """Round a float through its exact rational."""
    return fmt.round(Fraction(x))


@SHORT
def test_rounding_of_every_midpoint_and_its_neighbours(fmt):
    values = finite_values(fmt)
    values = values[values >= 0]
    overflow = fmt.largest + fmt.ulp(fmt.largest) / 2
    midpoints = np.append((values[1:] + values[:-1]) / 2, overflow)
    uppers = np.append(values[1:], math.inf)
    even = [fmt.encode(v) % 2 == 0 for v in values.tolist()]
    for m, low, high, low_is_even in zip(
        midpoints.tolist(), values.tolist(), uppers.tolist(), even, strict=True
    ):
        assert round_float(fmt, m) == (low if low_is_even else high)
        assert round_float(fmt, math.nextafter(m, 0)) == low
        assert round_float(fmt, math.nextafter(m, math.inf)) == high
        assert round_float(fmt, -m) == (-low if low_is_even else -high)


@SHORT
def test_rounding_agrees_with_the_other_library(fmt):
    values = finite_values(fmt)
    with np.errstate(over="ignore"):
        points = np.concatenate([values, (values[1:] + values[:-1]) / 2])
        # ml_dtypes rounds binary64 twice, so stay in binary32 there
        near = np.nextafter(points.astype(np.float32), np.float32(np.inf))
        x = np.concatenate([points.astype(np.float32), near])
        want = x.astype(DTYPES[fmt.name]).astype(float)
    wide = x.astype(float)
    assert nearest(fmt, wide).tolist() == want.tolist()
    assert round_array(fmt, wide).tolist() == want.tolist()
    chosen = np.random.default_rng(1).choice(len(wide), 20000, replace=False)
    for i in chosen.tolist():
        assert round_float(fmt, wide[i]) == want[i]


def test_binary16_rounds_binary64_as_numpy():
    x = np.random.default_rng(2).standard_normal(20000)
    x = x * np.exp2(np.random.default_rng(3).uniform(-30, 17, 20000))
    with np.errstate(over="ignore"):
        want = x.astype(np.float16).astype(float)
    assert [round_float(BINARY16, v) for v in x.tolist()] == want.tolist()


@SHORT
def test_rounding_of_values_is_the_identity(fmt):
    for value in finite_values(fmt).tolist():
        for mode in (NEAREST, DOWN, UP):
            assert fmt.round(Fraction(value), mode) == value
        assert fmt.contains(value)


@SHORT
def test_array_rounding_of_every_midpoint(fmt):
    values = finite_values(fmt)
    middle = (values[1:] + values[:-1]) / 2
    limit = fmt.largest + fmt.ulp(fmt.largest) / 2
    x = np.concatenate([middle, [limit, -limit, math.nextafter(limit, 0), 0.0, -0.0]])
    x = np.concatenate([x, np.nextafter(x, np.inf), np.nextafter(x, -np.inf)])
    want = [round_float(fmt, v) for v in x.tolist()]
    assert round_array(fmt, x).tolist() == want
    assert nearest(fmt, x).tolist() == want


# -- overflow and underflow -----------------------------------------------------------


@pytest.mark.parametrize("fmt", [*ALL_FORMATS, TOY], ids=lambda fmt: fmt.name)
def test_overflow_by_mode(fmt):
    largest, gap = Fraction(fmt.largest), Fraction(fmt.ulp(fmt.largest))
    tie = largest + gap / 2
    below, beyond = tie - gap / 10**30, largest * 1000
    assert fmt.round(tie) == math.inf
    assert fmt.round(below) == fmt.largest
    assert fmt.round(beyond) == math.inf
    assert fmt.round(-tie) == -math.inf
    for x in (below, tie, beyond):
        assert fmt.round(x, DOWN) == fmt.largest
        assert fmt.round(x, UP) == math.inf
        assert fmt.round(-x, DOWN) == -math.inf
        assert fmt.round(-x, UP) == -fmt.largest


@pytest.mark.parametrize("fmt", [*ALL_FORMATS, TOY], ids=lambda fmt: fmt.name)
def test_underflow_by_mode(fmt):
    half = Fraction(fmt.eta) / 2
    over, tiny = half * (1 + Fraction(1, 10**30)), half / 10**40
    assert fmt.round(half) == 0
    assert fmt.round(over) == fmt.eta
    assert fmt.round(3 * half) == 2 * fmt.eta
    assert fmt.round(tiny) == 0
    for x in (half, over, tiny):
        assert (fmt.round(x, DOWN), fmt.round(x, UP)) == (0, fmt.eta)
        assert (fmt.round(-x, DOWN), fmt.round(-x, UP)) == (-fmt.eta, 0)


@BY_NAME
def test_a_subnormal_rounds_up_to_the_smallest_normal(fmt):
    x = Fraction(fmt.smallest_normal) - Fraction(fmt.eta) / 3
    assert fmt.round(x) == fmt.smallest_normal
    assert fmt.round(x, DOWN) == fmt.smallest_normal - fmt.eta
    assert fmt.encode(fmt.smallest_normal) == 1 << (fmt.precision - 1)


# -- laws of rounding -----------------------------------------------------------------


@EXAMPLES
@given(fractions, any_format)
def test_directed_roundings_are_adjacent_and_enclose(x, fmt):
    down, up = fmt.round(x, DOWN), fmt.round(x, UP)
    if math.isfinite(down):
        assert Fraction(down) <= x
    if math.isfinite(up):
        assert x <= Fraction(up)
    assert down == up if fmt.contains(down) and down == x else fmt.next_up(down) == up
    assert fmt.round(x) in (down, up)
    assert fmt.round(-x, DOWN) == -up


@EXAMPLES
@given(fractions, any_format)
def test_nearest_is_nearest_and_ties_go_to_even(x, fmt):
    got, want = fmt.round(x), fraction_nearest(fmt.precision, fmt.emin, x)
    if abs(want) > Fraction(fmt.largest):
        assert got == (math.inf if x > 0 else -math.inf)
    else:
        assert Fraction(got) == want


@EXAMPLES
@given(fractions, fractions, any_format, st.sampled_from([NEAREST, DOWN, UP]))
def test_rounding_is_monotone(x, y, fmt, mode):
    x, y = sorted((x, y))
    assert fmt.round(x, mode) <= fmt.round(y, mode)


@EXAMPLES
@given(
    st.integers(-(2**200), 2**200),
    st.integers(-1300, 1100),
    any_format,
    st.sampled_from([NEAREST, DOWN, UP]),
)
@example(0, 5, BINARY64, DOWN)
@example(2**53 + 1, 0, BINARY64, NEAREST)
def test_both_ways_in_agree(man, exp, fmt, mode):
    want = fmt.round(Fraction(man) * Fraction(2) ** exp, mode)
    assert same(fmt.round_man_exp(man, exp, mode), want)


@EXAMPLES
@given(fractions)
def test_binary64_rounding_is_pythons(x):
    try:
        want = float(x)
    except OverflowError:
        want = math.inf if x > 0 else -math.inf
    assert BINARY64.round(x) == want


@EXAMPLES
@given(st.floats(allow_nan=False))
def test_binary32_rounding_is_numpys(x):
    with np.errstate(over="ignore"):
        want = float(np.float32(x))
    if math.isfinite(x):
        assert BINARY32.round(Fraction(x)) == want
        with np.errstate(over="ignore"):
            assert round_array(BINARY32, np.array([x])).tolist() == [want]
        assert nearest(BINARY32, np.array([x])).tolist() == [want]
    assert BINARY32.contains(want)
    assert BINARY64.contains(x)


@EXAMPLES
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_array_rounding_agrees_with_the_scalar_one(x):
    for fmt in (BFLOAT16, BINARY16, BINARY32, TOY):
        want = fmt.round(Fraction(x))
        with np.errstate(over="ignore"):
            assert round_array(fmt, np.array([x])).tolist() == [want]


# -- 32 and 64 bits -------------------------------------------------------------------


@EXAMPLES
@given(st.integers(0, 2**32 - 1))
@example(0x7F800000)
@example(0x80000000)
@example(0x00800000)
def test_binary32_encodings(bits):
    value = struct.unpack("<f", bits.to_bytes(4, "little"))[0]
    assert same(BINARY32.decode(bits), value)
    if not math.isnan(value):
        assert BINARY32.encode(value) == bits


@EXAMPLES
@given(st.integers(0, 2**64 - 1))
@example(0x7FF0000000000000)
@example(0x8000000000000000)
@example(0x0010000000000000)
def test_binary64_encodings(bits):
    value = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    assert same(BINARY64.decode(bits), value)
    if not math.isnan(value):
        assert BINARY64.encode(value) == bits
        assert BINARY64.next_up(value) == math.nextafter(value, math.inf)
        assert BINARY64.next_down(value) == math.nextafter(value, -math.inf)
        want = math.ulp(min(abs(value), BINARY64.largest))
        assert BINARY64.ulp(value) == want


@EXAMPLES
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_binary32_ulp_and_neighbours(value):
    single, infinity = np.float32(value), np.float32(np.inf)
    assert BINARY32.next_up(value) == float(np.nextafter(single, infinity))
    assert BINARY32.next_down(value) == float(np.nextafter(single, -infinity))
    assert BINARY32.ulp(value) == float(abs(np.spacing(single)))


@EXAMPLES
@given(st.integers(0, 2**64 - 1))
@example(0x7FF8000000000001)
@example(0xFFF0000000000001)
def test_hex_bits_of_floats_keep_everything(bits):
    digits = f"{bits:016x}"
    quiet = math.isnan(float_from_hex_bits(digits))
    assert float_to_hex_bits(float_from_hex_bits(digits)) == digits
    assert quiet == math.isnan(BINARY64.from_hex(digits))


def test_a_toy_format_is_float8_e5m2():
    values = np.arange(256, dtype=np.uint8).view(ml_dtypes.float8_e5m2).astype(float)
    for bits, value in enumerate(values.tolist()):
        assert same(TOY.decode(bits), value)
        if not math.isnan(value):
            assert TOY.encode(value) == bits


# -- errors ---------------------------------------------------------------------------


@BY_NAME
@pytest.mark.parametrize("bits", [-1, "one too many"])
def test_decode_refuses_what_does_not_fit(fmt, bits):
    bits = 1 << fmt.width if isinstance(bits, str) else bits
    with pytest.raises(ValueError, match=f"does not fit {fmt.name}"):
        fmt.decode(bits)


@pytest.mark.parametrize(
    ("fmt", "value"),
    [
        (BINARY16, 65520.0),
        (BINARY16, 0.1),
        (BINARY16, 2.0**-25),
        (BINARY16, 1 + 2.0**-11),
        (BFLOAT16, 1 + 2.0**-8),
        (BFLOAT16, 2.0**128),
        (BINARY32, 0.1),
        (BINARY32, 2.0**-150),
    ],
)
def test_encode_refuses_numbers_of_other_formats(fmt, value):
    assert not fmt.contains(value)
    with pytest.raises(ValueError, match="round it first"):
        fmt.encode(value)


@BY_NAME
@pytest.mark.parametrize("change", ["", "0", "short"])
def test_from_hex_refuses_the_wrong_length(fmt, change):
    digits = "0" * fmt.hex_digits
    digits = "" if change == "" else digits[1:] if change == "short" else digits + "0"
    with pytest.raises(ValueError, match=f"{fmt.hex_digits} hex digits"):
        fmt.from_hex(digits)


@pytest.mark.parametrize("digits", ["zzzz", "-001", "0x1f", "1_2f", " 1f "])
def test_from_hex_refuses_what_to_hex_never_writes(digits):
    with pytest.raises(ValueError, match=r".+"):
        BINARY16.from_hex(digits)


@pytest.mark.parametrize("digits", ["", "3ff", "3ff00000000000000", "g" * 16])
def test_float_bits_refuse_bad_digits(digits):
    with pytest.raises(ValueError, match=r".+"):
        float_from_hex_bits(digits)


def test_formats_cannot_be_changed():
    with pytest.raises(AttributeError):
        BINARY16.precision = 12
