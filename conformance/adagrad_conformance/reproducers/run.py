"""`--reproducers FOLDER`: after a run, the smallest reproducer of each failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from adagrad_conformance.adapters.base import Malformed
from adagrad_conformance.checks.kinds import Check, kind
from adagrad_conformance.checks.projection.fitting import fit
from adagrad_conformance.errors import UserError
from adagrad_conformance.faults.fault import Fault
from adagrad_conformance.grading.case import Expectations
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.errors import NotLoaded
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import Target
from adagrad_reference.scenario import Scenario

from .ranking import cheapest_failures
from .smallest import smallest
from .writing import Reproducer, ReproducerError, file_name, write_reproducers

__all__ = ["check_folder", "reproduce"]


def check_folder(folder: str) -> Path:
    """The folder, if it can be written; raises `UserError` otherwise."""
    path = Path(folder)
    parent = path if path.exists() else path.parent
    if not parent.is_dir():
        raise UserError(
            f"cannot write {path}: {parent} is no folder; choose another for "
            "--reproducers"
        )
    return path


def reproduce(
    folder: str,
    targets: Sequence[Target],
    verdicts: Sequence[Sequence[Verdict]],
    checks: Sequence[Check],
    expect: Expectations,
    timeout: float,
    memory: float | None = None,
    faults: Sequence[Sequence[Fault]] = (),
) -> Iterator[str]:
    """Reduce the failures of each target, started anew, and write their reproducers.

    `verdicts` and `faults` are those of each target: a fault gets one reproducer.
    Yields a line for each target that failed,
    with its folder; others get none.  Raises `UserError` where a target does not start
    again, or its files cannot be written.
    """
    path = check_folder(folder)
    names: set[str] = set()
    found_faults = faults or [()] * len(targets)
    for target, its, own in zip(targets, verdicts, found_faults, strict=True):
        if not any(verdict.status.is_failure for verdict in its):
            continue
        if file_name(target.name) in names:
            raise UserError(f"{target.name}: another target has a folder of that name")
        names.add(file_name(target.name))
        found = _of_target(target, its, own, checks, expect, timeout, memory)
        try:
            place = write_reproducers(path, target.name, found)
        except ReproducerError as error:
            raise UserError(str(error)) from None
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from None
        yield f"{target.name}: {len(found)} reproducers in {place}"


def _of_target(
    target: Target,
    verdicts: Iterable[Verdict],
    faults: Sequence[Fault],
    checks: Iterable[Check],
    expect: Expectations,
    timeout: float,
    memory: float | None,
) -> list[Reproducer]:
    client = SubprocessClient(target.command, timeout, memory)
    try:
        identity = client.start()
        fitted = fit(checks, identity.claims, identity.constants)
        words = {fault.slug: fault.words for fault in faults}
        return [
            _one(client, identity, target, name, words.get(name, ""), *pair, expect)
            for name, pair in cheapest_failures(verdicts, fitted, faults).items()
        ]
    except (NotLoaded, Malformed) as error:
        lines = str(error).strip().splitlines() or ["no reason was given"]
        raise UserError(
            f"{target.name} could not be started again: {lines[-1]}"
        ) from None
    except KeyboardInterrupt:
        client.abandon()
        raise
    finally:
        client.close()


def _one(
    client: SubprocessClient,
    identity: Identity,
    target: Target,
    name: str,
    words: str,
    verdict: Verdict,
    check: Check,
    expect: Expectations,
) -> Reproducer:
    if isinstance(check, Scenario):
        if not client.alive:
            client.start()
        return smallest(
            client, identity, check, verdict, expect, target.name, name, words
        )
    sort = {"relation": "a relation of two runs", "native": "host code"}.get(
        kind(check), "a run that is written while it is played"
    )
    note = f"No scenario but {sort}, which is not made smaller; again by"
    return Reproducer(name, check.id, verdict, note=note, words=words)
