"""Plays checks on a port and writes down what is seen.  It never judges.

After every event all optimizers are read.  A port that fails costs the scenario that
was being played; the next one starts afresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from adagrad_conformance.checks.fixed_options import missing_claims
from adagrad_conformance.checks.kinds import Adaptive, Check, NativeCheck, Relation
from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.errors import MAX_FAILURES, NotLoaded
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Group, New, Scenario, Tensor

from .observations import (
    AdaptiveSeen,
    NativeSeen,
    NotPlayed,
    Observation,
    RelationSeen,
    Seen,
)
from .recording import recorded
from .session import Session
from .status import Status

__all__ = ["observe", "perform", "play", "smoke_test"]


def smoke_test(client: Client, identity: Identity) -> str | None:
    """What is wrong with the adapter's manners, if anything.

    In each claimed format params are held and shown bit for bit, and an optimizer with
    default options can be made over them.
    """
    formats = [fmt for name, fmt in FORMATS.items() if name in identity.claims]
    for fmt in formats:
        bits = (fmt.encode(1.5), fmt.encode(-fmt.eta))
        tensor = Tensor(fmt.name, (2, 1), bits)
        group = New("A", (Group(("p",)),), _plain_options(identity))
        scenario = Scenario("smoke", (), "MUST", {"p": tensor}, (group,))
        seen = play(client, scenario)
        if seen.status:
            return f"{seen.status}: {seen.message}"
        event = seen.events[0]
        if event.refusal:
            return f"an optimizer with plain options was refused: {event.refusal}"
        reading = event.readings.get(("A", "p"))
        if reading is None or reading.theta != tensor:
            return f"a {fmt.name} param did not read back as it was given"
    return None if formats else "no format is claimed"


def _plain_options(identity: Identity) -> dict[str, float | bool]:
    """None at all, where the port has the document's defaults; else lr and eps."""
    if "defaults" in identity.claims:
        return {}
    eps = {"eps": 0.0078125} if "eps" in identity.claims else {}
    return {"lr": 0.5, **eps}


def observe(
    client: Client, identity: Identity, checks: Iterable[Check]
) -> Iterator[Seen]:
    """Perform every check that the port claims; the rest is noted as not claimed."""
    failures, gone = 0, None
    for check in checks:
        if missing := missing_claims(check, identity.claims, identity.constants):
            yield NotPlayed(check, Status.NOT_CLAIMED, ", ".join(sorted(missing)))
            continue
        if failures >= MAX_FAILURES:
            message = f"not tried after {failures} failures in a row"
            yield NotPlayed(check, Status.ERROR, message, "given-up")
            continue
        gone = gone or _revived(client)
        if gone:
            message = f"not tried: it could not be started again: {gone}"
            yield NotPlayed(check, Status.ERROR, message, NotLoaded.reason)
            continue
        seen = perform(client, check)
        _settle(client, seen)
        failures = 0 if client.alive else failures + 1
        yield seen


def _settle(client: Client, seen: Seen) -> None:
    """What the port does after its last answer is still held against this check."""
    match seen:
        case RelationSeen():
            end: Observation | NativeSeen = seen.right
        case AdaptiveSeen():
            end = seen.observation
        case Observation() | NativeSeen():
            end = seen
        case NotPlayed():
            return
    if client.alive:
        with recorded(end):
            client.settle()


def _revived(client: Client) -> str | None:
    """Start it again if it has ended, or speaks unasked; why that failed, if it did."""
    if client.alive and client.quiet:
        return None
    try:
        client.start()
    except NotLoaded as error:
        return str(error)
    return None


def perform(client: Client, check: Check) -> Seen:
    """Perform one check to its end or to the first trouble."""
    match check:
        case Scenario():
            return play(client, check)
        case Relation(left=left, right=right):
            first = play(client, left)
            _revived(client)
            return RelationSeen(check, first, play(client, right))
        case NativeCheck():
            native = NativeSeen(check)
            with recorded(native):
                native.answer = client.native(check.id)
            return native
    return _adapt(client, check)


def play(client: Client, scenario: Scenario) -> Observation:
    """Play one scenario to its end or to the first trouble."""
    seen = Observation(scenario)
    with recorded(seen):
        session = Session(client, scenario)
        for event in scenario.events:
            seen.events.append(session.do(event))
            if session.diverged:
                break
    return seen


def _adapt(client: Client, check: Adaptive) -> AdaptiveSeen:
    """Play events as they are written, answered by the readings after them."""
    blank = Scenario(check.id, check.requirements, check.level, check.tensors, ())
    seen = Observation(blank)
    with recorded(seen):
        session, writer = Session(client, blank), check.events()
        event = next(writer)
        while True:
            seen.scenario = replace(blank, events=(*seen.scenario.events, event))
            seen.events.append(session.do(event))
            if session.diverged:
                break
            try:
                event = writer.send(session.last)
            except StopIteration:
                break
    return AdaptiveSeen(check, seen)
