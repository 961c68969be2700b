"""Whether an adapter works at all: the first test of a target, before any check."""

from __future__ import annotations

from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.formats import FORMATS, Format
from adagrad_reference.scenario import Group, New, Scenario, Tensor

from .runner import play

__all__ = ["smoke_test"]


def smoke_test(client: Client, identity: Identity) -> str | None:
    """What is wrong with the adapter of a started port; None if it is in order.

    In each claimed format a param must be shown bit for bit as it was given, and an
    optimizer with plain options must be made over it.
    """
    formats = [fmt for name, fmt in FORMATS.items() if name in identity.claims]
    problems = (_problem_in(fmt, client, identity) for fmt in formats)
    if not formats:
        return "no format is claimed"
    return next((problem for problem in problems if problem), None)


def _problem_in(fmt: Format, client: Client, identity: Identity) -> str | None:
    # no subnormal number: a port that flushes those on storing is judged, not blamed
    bits = (fmt.encode(1.5), fmt.encode(-fmt.smallest_normal))
    tensor = Tensor(fmt.name, (2, 1), bits)
    made = New("A", (Group(("p",)),), _plain_options(identity))
    seen = play(client, Scenario("smoke", (), "MUST", {"p": tensor}, (made,)))
    if seen.status:
        return f"{seen.status}: {seen.message}"
    event = seen.events[0]
    if event.refusal:
        return f"an optimizer with plain options was refused: {event.refusal}"
    reading = event.readings.get(("A", "p"))
    if reading is None or reading.theta != tensor:
        return f"a {fmt.name} param did not read back as it was given"
    return None


def _plain_options(identity: Identity) -> dict[str, float | bool]:
    """None where the port has the document's defaults; else lr, and eps if claimed."""
    if "defaults" in identity.claims:
        return {}
    eps = {"eps": 0.0078125} if "eps" in identity.claims else {}
    return {"lr": 0.5, **eps}
