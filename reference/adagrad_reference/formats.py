"""IEEE 754 binary formats, bit for bit.

Every value of the four working formats is a binary64 number, so a *value* is a
Python float and conversions to and from bits are exact.  The operand of a rounding is
exact: a `fractions.Fraction`, or the pair (m, e) meaning m * 2**e that mpmath calls
`man_exp`.

Rule 1.  Rounding is to nearest, ties to even (NEAREST), or directed (DOWN, UP).
Rule 2.  Overflow follows IEEE 754: to nearest goes to infinity from
         max + ulp(max)/2 on; a directed mode stops at the largest finite value on
         the side that it may not cross.
Rule 3.  Underflow is gradual.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

__all__ = [
    "BFLOAT16",
    "BINARY16",
    "BINARY32",
    "BINARY64",
    "DOWN",
    "FORMATS",
    "NEAREST",
    "UP",
    "Format",
    "decimal",
    "float_from_hex_bits",
    "float_to_hex_bits",
]

_HEX = re.compile("[0-9a-fA-F]+")

NEAREST, DOWN, UP = "nearest", "down", "up"


@dataclass(frozen=True)
class Format:
    """A binary interchange format: `precision` significant bits, exponents to `emax`.

    `width` is the number of bits of an encoding: one sign bit, the exponent, and
    precision - 1 trailing significand bits (IEEE 754-2019, clause 3.4).
    """

    name: str
    width: int
    precision: int
    emax: int

    @cached_property
    def emin(self) -> int:
        """Exponent of the smallest normal number, 2**emin."""
        return 1 - self.emax

    @cached_property
    def unit_roundoff(self) -> float:
        """u = 2**-precision, half the gap above 1."""
        return math.ldexp(1.0, -self.precision)

    @cached_property
    def smallest_exponent(self) -> int:
        """Exponent of eta, the smallest subnormal number."""
        return self.emin - self.precision + 1

    @cached_property
    def eta(self) -> float:
        """The smallest positive (subnormal) number."""
        return math.ldexp(1.0, self.smallest_exponent)

    @cached_property
    def smallest_normal(self) -> float:
        """The smallest positive normal number."""
        return math.ldexp(1.0, self.emin)

    @cached_property
    def largest(self) -> float:
        """The largest finite number."""
        return math.ldexp(2**self.precision - 1, self.emax - self.precision + 1)

    @cached_property
    def hex_digits(self) -> int:
        """Hexadecimal digits of an encoding."""
        return self.width // 4

    # -- encodings ---------------------------------------------------------------

    def decode(self, bits: int) -> float:
        """The value encoded by `bits`; any NaN encoding gives a NaN."""
        if not 0 <= bits < 1 << self.width:
            raise ValueError(f"{bits:#x} does not fit {self.name} ({self.width} bits)")
        fraction_bits = self.precision - 1
        fraction = bits & ((1 << fraction_bits) - 1)
        biased = (bits >> fraction_bits) & (2 * self.emax + 1)
        sign = -1.0 if bits >> (self.width - 1) else 1.0
        if biased == 2 * self.emax + 1:
            return math.nan if fraction else sign * math.inf
        if biased == 0:
            return sign * math.ldexp(fraction, self.smallest_exponent)
        significand = fraction + (1 << fraction_bits)
        return sign * math.ldexp(significand, biased - 1 + self.smallest_exponent)

    def encode(self, value: float) -> int:
        """The encoding of `value`, which must be a number of the format (or NaN)."""
        fraction_bits = self.precision - 1
        exponent_mask = (2 * self.emax + 1) << fraction_bits
        if math.isnan(value):
            return exponent_mask | (1 << (fraction_bits - 1))
        sign = (math.copysign(1.0, value) < 0) << (self.width - 1)
        magnitude = abs(value)
        if math.isinf(magnitude):
            return sign | exponent_mask
        if magnitude == 0:
            return sign
        exponent = max(math.frexp(magnitude)[1] - 1, self.emin)
        significand = math.ldexp(magnitude, self.precision - 1 - exponent)
        if significand != int(significand) or exponent > self.emax:
            raise ValueError(f"{value!r} is not a {self.name} number; round it first")
        if int(significand) >> fraction_bits == 0:  # subnormal
            return sign | int(significand)
        biased = exponent - self.emin + 1
        hidden_bit = 1 << fraction_bits
        return sign | (biased << fraction_bits) | (int(significand) - hidden_bit)

    def to_hex(self, value: float) -> str:
        """The encoding of `value` as hexadecimal digits, most significant first."""
        return f"{self.encode(value):0{self.hex_digits}x}"

    def from_hex(self, digits: str) -> float:
        """The value of hexadecimal digits as written by `to_hex`."""
        if len(digits) != self.hex_digits or not _HEX.fullmatch(digits):
            raise ValueError(
                f"{digits!r}: {self.name} bits are {self.hex_digits} hex digits"
            )
        return self.decode(int(digits, 16))

    def contains(self, value: float) -> bool:
        """Whether `value` is a number of the format (or NaN, or an infinity)."""
        return not math.isfinite(value) or self.round(Fraction(value)) == value

    # -- rounding ----------------------------------------------------------------

    def nearest(self, value: float) -> float:
        """The number of the format nearest to `value`; infinities and NaN stay.

        The sign of a zero stays too.
        """
        if value == 0 or not math.isfinite(value) or self.precision == 53:
            return value
        if self.smallest_normal <= abs(value) < self.largest:  # much faster
            man, exp = math.frexp(value)  # `round` rounds ties to even
            whole = round(math.ldexp(man, self.precision))
            return math.ldexp(whole, exp - self.precision)
        return self.round(Fraction(value))

    def round(self, exact: Fraction, mode: str = NEAREST) -> float:
        """The rational `exact` rounded to the format; a zero result is +0."""
        if exact == 0:
            return 0.0
        numerator, denominator = abs(exact.numerator), exact.denominator
        shift = self.precision + 3 - numerator.bit_length() + denominator.bit_length()
        if shift >= 0:
            numerator <<= shift
        else:
            denominator <<= -shift
        quotient, remainder = divmod(numerator, denominator)
        sticky = (quotient << 1) | (remainder != 0)
        return self.round_man_exp(sticky if exact > 0 else -sticky, -shift - 1, mode)

    def round_man_exp(self, man: int, exp: int, mode: str = NEAREST) -> float:
        """The number man * 2**exp rounded to the format; a zero result is +0."""
        if man == 0:
            return 0.0
        negative, man = man < 0, abs(man)
        lowest = max(man.bit_length() + exp - self.precision, self.smallest_exponent)
        drop = lowest - exp
        if drop > 0:
            kept, lost = man >> drop, man & ((1 << drop) - 1)
            half = 1 << (drop - 1)
            if mode == NEAREST:
                away = lost > half or (lost == half and kept & 1 == 1)
            else:
                away = lost != 0 and negative == (mode == DOWN)
            man, exp = kept + away, lowest
        if man.bit_length() + exp > self.emax + 1:
            toward_zero = mode == (UP if negative else DOWN)
            magnitude = self.largest if toward_zero else math.inf
        else:
            magnitude = math.ldexp(man, exp)
        return -magnitude if negative else magnitude

    # -- neighbours --------------------------------------------------------------

    def ulp(self, value: float) -> float:
        """The gap of the format at |value|: 2**(floor(log2 |value|) - p + 1).

        At and below the smallest normal number it is eta; infinities count as the
        largest finite number; ulp(NaN) is NaN.
        """
        if math.isnan(value):
            return math.nan
        magnitude = min(abs(value), self.largest)
        exponent = max(math.frexp(magnitude)[1] - 1, self.emin) if magnitude else None
        if exponent is None:
            return self.eta
        return math.ldexp(1.0, exponent - self.precision + 1)

    def next_up(self, value: float) -> float:
        """The least number of the format above `value`; next_up(inf) is inf."""
        if math.isnan(value) or value == math.inf:
            return value
        if value == 0:
            return self.eta
        bits = self.encode(value)
        return self.decode(bits + 1 if value > 0 else bits - 1)

    def next_down(self, value: float) -> float:
        """The greatest number of the format below `value`."""
        return -self.next_up(-value)


BINARY64 = Format("binary64", 64, 53, 1023)
BINARY32 = Format("binary32", 32, 24, 127)
BFLOAT16 = Format("bfloat16", 16, 8, 127)
BINARY16 = Format("binary16", 16, 11, 15)

#: The working formats by name, widest first.
FORMATS: dict[str, Format] = {
    fmt.name: fmt for fmt in (BINARY64, BINARY32, BFLOAT16, BINARY16)
}


def decimal(fmt: Format, value: float) -> str:
    """A readable decimal that determines a number of the format."""
    digits = math.ceil(1 + fmt.precision * math.log10(2))  # enough for any number
    return repr(value) if fmt == BINARY64 else f"{value:.{digits}g}"


def float_to_hex_bits(value: float) -> str:
    """The binary64 encoding of a Python float; a NaN keeps its payload."""
    return struct.pack(">d", value).hex()


def float_from_hex_bits(digits: str) -> float:
    """The Python float whose binary64 encoding is `digits` (16 hex digits)."""
    if len(digits) != 16 or not _HEX.fullmatch(digits):
        raise ValueError(f"{digits!r}: binary64 bits are 16 hex digits")
    value: float = struct.unpack(">d", bytes.fromhex(digits))[0]
    return value
