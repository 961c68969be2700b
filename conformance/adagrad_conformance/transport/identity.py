"""What a port declares of itself when it is started, and the checks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from adagrad_conformance.adapters.base import Adapter
from adagrad_conformance.adapters.claims import CLAIMS
from adagrad_conformance.adapters.contract import Malformed
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.options import illegal_option

from . import messages

__all__ = [
    "Identity",
    "check_claims",
    "check_constants",
    "check_dialect",
    "identity_from_wire",
    "identity_of",
    "identity_to_wire",
    "taken_from_wire",
]


@dataclass(frozen=True)
class Identity:
    """A port's name, version and language, and what it claims."""

    name: str
    version: str
    language: str
    claims: frozenset[str]
    dialect: str = "document"  #: a key of `adagrad_reference.dialects.DIALECTS`
    #: Options that are fixed in the port, and their values.
    constants: Mapping[str, float] = field(default_factory=dict)


def check_claims(claims: frozenset[str]) -> frozenset[str]:
    """The claims, if all are known; raises `Malformed`."""
    if unknown := claims - set(CLAIMS):
        raise Malformed(f"unknown claims {sorted(unknown)}; known: {', '.join(CLAIMS)}")
    return claims


def check_dialect(name: object) -> str:
    """The name, if it is that of a dialect; raises `Malformed`."""
    if name not in DIALECTS:
        known = ", ".join(DIALECTS)
        raise Malformed(f"unknown dialect {name!r}; known: {known}")
    return str(name)


def check_constants(constants: Mapping[str, float]) -> Mapping[str, float]:
    """The constants, if they are legal values of options; raises `Malformed`.

    A maximize that is always False is what a port without that claim has, and left out.
    """
    if problem := illegal_option(constants):
        raise Malformed(f"constants: {problem}")
    if constants.get("maximize"):
        raise Malformed(
            "constants: maximize can only be False; a port that always maximizes "
            "declares a dialect (update=added)"
        )
    return {name: x for name, x in constants.items() if name != "maximize"}


def identity_of(adapter: Adapter) -> Identity:
    """What an adapter in this process declares; raises `Malformed`."""
    return Identity(
        adapter.name,
        adapter.version,
        adapter.language,
        check_claims(adapter.claims),
        check_dialect(adapter.dialect),
        check_constants(adapter.constants),
    )


# -- the answer to `start` -------------------------------------------------------------


def identity_to_wire(adapter: Adapter) -> messages.Json:
    """What an adapter declares, unchecked, and what its server takes."""
    return {
        "protocol": messages.PROTOCOL_VERSION,
        "name": adapter.name,
        "version": adapter.version,
        "language": adapter.language,
        "claims": sorted(adapter.claims),
        "dialect": adapter.dialect,
        "constants": messages.constants_to_wire(adapter.constants),
        "takes": list(messages.TAKES),
    }


def identity_from_wire(ok: Any) -> Identity:
    """What a port declares in its answer to `start`; raises `Malformed`."""
    if not isinstance(ok, dict) or ok.get("protocol") != messages.PROTOCOL_VERSION:
        spoken = ok.get("protocol") if isinstance(ok, dict) else ok
        raise Malformed(
            f"the port speaks protocol {spoken!r}, this program speaks "
            f"{messages.PROTOCOL_VERSION}"
        )
    texts = [ok.get(key) for key in ("name", "version", "language")]
    claims = ok.get("claims")
    if not all(isinstance(x, str) for x in texts) or not isinstance(claims, list):
        raise Malformed("start needs name, version, language (texts) and claims (list)")
    name, version, language = map(str, texts)
    return Identity(
        name,
        version,
        language,
        check_claims(frozenset(map(str, claims))),
        check_dialect(ok.get("dialect", Identity.dialect)),
        check_constants(messages.constants_from_wire(ok.get("constants", {}))),
    )


def taken_from_wire(ok: messages.Json) -> frozenset[str]:
    """The words of `messages.TAKES` in an answer to `start`; raises `Malformed`."""
    words = ok.get("takes", [])
    if not isinstance(words, list):
        raise Malformed("'takes' must be a list of texts")
    return frozenset(word for word in messages.TAKES if word in words)
