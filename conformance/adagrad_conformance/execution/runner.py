"""Plays checks on a port and records what is observed; it never judges.

Rule 1.  After every event all optimizers are read (session.py).
Rule 2.  A port that fails costs the check that is being played; the next one begins
         with a port that has been started again.
Rule 3.  What a port writes after its last answer counts for the check before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import assert_never

from adagrad_conformance.checks.fixed_options import missing_claims
from adagrad_conformance.checks.kinds import Adaptive, Check, NativeCheck, Relation
from adagrad_conformance.transport.client import Client
from adagrad_conformance.transport.errors import MAX_FAILURES, NotLoaded
from adagrad_conformance.transport.identity import Identity
from adagrad_reference.scenario import Scenario

from .observations import (
    AdaptiveSeen,
    Ending,
    NativeSeen,
    NotPlayed,
    Observation,
    RelationSeen,
    Seen,
)
from .recording import recorded
from .session import Session
from .status import Status

__all__ = ["observe", "perform", "play"]


def observe(
    client: Client, identity: Identity, checks: Iterable[Check]
) -> Iterator[Seen]:
    """Perform every check that a started port claims; note the rest as not claimed.

    After `MAX_FAILURES` failures in a row, or once the port does not start again, the
    rest has the status error.
    """
    failures, gone = 0, None
    for check in checks:
        if missing := missing_claims(check, identity.claims, identity.constants):
            words = ", ".join(sorted(missing))
            yield NotPlayed(check, status=Status.NOT_CLAIMED, message=words)
            continue
        if failures >= MAX_FAILURES:
            words = f"not tried after {failures} failures in a row"
            yield _not_tried(check, words, "given-up")
            continue
        gone = gone or _revived(client)
        if gone:
            words = f"not tried: it could not be started again: {gone}"
            yield _not_tried(check, words, NotLoaded.reason)
            continue
        seen = perform(client, check)
        _settle(client, seen)
        failures = 0 if client.alive else failures + 1
        yield seen


def _not_tried(check: Check, words: str, reason: str) -> NotPlayed:
    return NotPlayed(check, status=Status.ERROR, message=words, reason=reason)


def _settle(client: Client, seen: Seen) -> None:
    """Rule 3: late output counts for the last run of the check."""
    end: Ending
    match seen:
        case RelationSeen():
            end = seen.right
        case AdaptiveSeen():
            end = seen.observation
        case Observation() | NativeSeen():
            end = seen
        case NotPlayed():
            return
        case _:
            assert_never(seen)
    if client.alive:
        with recorded(end):
            client.settle()


def _revived(client: Client) -> str | None:
    """Start again a port that ended or wrote unasked; why that failed, if it did."""
    if client.alive and client.quiet:
        return None
    try:
        client.start()
    except NotLoaded as error:
        return str(error)
    return None


def perform(client: Client, check: Check) -> Seen:
    """Perform one check up to its end or to where it breaks off."""
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
        case Adaptive():
            return _adapt(client, check)
        case _:
            assert_never(check)


def play(client: Client, scenario: Scenario) -> Observation:
    """Play one scenario up to its end or to where it breaks off."""
    seen = Observation(scenario)
    with recorded(seen):
        session = Session(client, scenario)
        for event in scenario.events:
            seen.events.append(session.do(event))
            if session.diverged:
                break
    return seen


def _adapt(client: Client, check: Adaptive) -> AdaptiveSeen:
    """Play events as `check.events` yields them; the readings are sent back to it."""
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
