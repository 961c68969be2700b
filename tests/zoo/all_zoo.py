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

__all__ = ["ACCUSED_WRONGLY", "KINDS", "SHOULD", "SLOW", "ZOO", "among"]


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

#: Findings at SHOULD: patterns of ids, each with the reason.
SHOULD: dict[str, dict[str, str]] = {
    **dict.fromkeys(
        (
            *("ByRow", "ByLane", "EachLane", "BySize", "InThreads", "Halves"),
            *("ByColumn", "ByOffset", "ByAddress"),
        ),
        _EPS | _PLACE,
    ),
    **dict.fromkeys(("InPieces", "RowByRow"), _PLACE),
    **dict.fromkeys(
        (
            *("BySign", "ByMagnitude", "FreshIsFast", "AlternatesByStep"),
            *("RateByReciprocal", "InTwoDoubles", "FlushesOnStoring"),
            *("FlushesOnReading", "Mpfr", "MpfrFused", "NewtonInverse"),
        ),
        _EPS,
    ),
    "FlushesWithoutSign": _EPS | _SIGN,
    **dict.fromkeys(("Fractions", "Integers", "ManyBits"), _SIGN),
}

_RELATIONS = (
    "each run is lawful, and no document promises the same bits to a port whose kernel "
    "depends on the {}"
)
_TWICE = "binary64 by way of long double is rounded twice, for which there is no class"
_MASTER = "a load of what was saved before the first step takes the copy away"
_MASTERS = {
    "odd-moments/fresh-into-stepped-*": _MASTER,
    "odd-moments/twice-before-the-first-step/*": _MASTER,
    "meetings/*": _MASTER,
}

#: What the judge holds against right ports at MUST: patterns of ids, with the reason.
#: Each is a fault of the judge, to be mended; then its line goes.
ACCUSED_WRONGLY: dict[str, dict[str, str]] = {
    "BySign": {
        "relations/negation/*": _RELATIONS.format("sign"),
        "relations/maximize/*": _RELATIONS.format("sign"),
    },
    "ByMagnitude": {"relations/scaling/*": _RELATIONS.format("magnitude")},
    "ByOffset": {"relations/groups/*": _RELATIONS.format("place in a group")},
    "ByAddress": {"relations/*": _RELATIONS.format("address")},
    **{
        name: {"*binary64*": _TWICE}
        for name in ("InLongDouble", "InWideC", "SumInLongDouble")
    },
    **dict.fromkeys(("MastersAtTheFirstStep", "MastersAndWideSums"), _MASTERS),
}


def among(name, known):
    """The patterns that are known of a port, in a test by `fnmatch`."""
    return lambda check: any(fnmatch(check, pattern) for pattern in known.get(name, {}))
