"""Every port of the zoo by kind and name, and what is known to be held against it."""

from __future__ import annotations

from fnmatch import fnmatch

from buffer_zoo import BUFFERS
from declared_zoo import DECLARED
from interface_zoo import INTERFACES
from kernel_zoo import FLUSHING_KERNELS, KERNELS
from native_zoo import NATIVE_PORTS, NUMBA_PORTS
from number_zoo import NUMBERS
from option_zoo import OPTION_PORTS
from precision_zoo import PRECISIONS
from state_zoo import STATES, StateAdapter
from torch_kinds_zoo import TORCH_KINDS
from zoo_kit import ZooAdapter

__all__ = ["KINDS", "SHOULD", "SLOW", "ZOO", "known"]


def _adapted(port):
    return StateAdapter(port) if hasattr(port, "shown") else ZooAdapter(port)


def _by_name(ports):
    return {port.__name__: lambda port=port: _adapted(port) for port in ports}


#: The makers of adapters by name, by kind.
KINDS = {
    "kernels": _by_name((*KERNELS, *FLUSHING_KERNELS)),
    "numbers": _by_name(NUMBERS),
    "states": _by_name(STATES),
    "precisions": PRECISIONS,
    "declared": _by_name(DECLARED),
    "interfaces": {**INTERFACES, **OPTION_PORTS, **BUFFERS},
    "torch": TORCH_KINDS,
    "native": {**NATIVE_PORTS, **_by_name(NUMBA_PORTS)},
}

#: All of them.
ZOO = {name: make for ports in KINDS.values() for name, make in ports.items()}
assert len(ZOO) == sum(map(len, KINDS.values())), "two ports have one name"

#: Ports that calculate with slow numbers, or whose boxes are slow.
SLOW = frozenset(
    ("RowMean", "Fractions", "Integers", "Decimals", "ManyBits", "Mpfr", "MpfrFused")
)

#: Why several ports have a finding at SHOULD.
_EPS = {"special-values/default-eps/binary16*": "1e-10 is 0 in binary16"}
_SIGN = {"special-values/sign-of-*": "its numbers have no -0, or lose its sign"}
_PLACE = {
    f"relations/{name}/*": "its kernels differ by where an element lies"
    for name in ("permuted", "cut", "strided")
}

_BITS = (
    "each run is lawful, and no document promises the same bits to a port whose kernel "
    "depends on the {}"
)

#: Findings at SHOULD: patterns of ids, each with the reason.
SHOULD: dict[str, dict[str, str]] = {
    **dict.fromkeys(
        (
            *("ByRow", "ByLane", "EachLane", "BySize", "InThreads", "Halves"),
            "ByColumn",
        ),
        _EPS | _PLACE,
    ),
    **dict.fromkeys(("InPieces", "RowByRow"), _PLACE),
    **dict.fromkeys(
        (
            *("FreshIsFast", "AlternatesByStep"),
            *("RateByReciprocal", "InTwoDoubles", "FlushesOnStoring"),
            *("FlushesOnReading", "Mpfr", "MpfrFused", "NewtonInverse"),
        ),
        _EPS,
    ),
    "BySign": _EPS
    | {
        "relations/negation/*": _BITS.format("sign"),
        "relations/maximize/*": _BITS.format("sign"),
    },
    "ByMagnitude": _EPS | {"relations/scaling/*": _BITS.format("magnitude")},
    "ByOffset": _EPS
    | _PLACE
    | {"relations/groups/*": _BITS.format("place in a group")},
    "FlushesWithoutSign": _EPS | _SIGN,
    **dict.fromkeys(("Fractions", "Integers", "ManyBits"), _SIGN),
}


def known(name, check):
    """Whether a finding on a port is a known one."""
    return any(fnmatch(check, pattern) for pattern in SHOULD.get(name, {}))
