"""`--reproducers FOLDER`: after a run, the smallest reproducer of each failure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from adagrad_reference.scenario import Scenario

from .adapters.base import Malformed
from .candidate import Identity, NotLoaded
from .checks import Check, kind
from .cli import UserError
from .comparison import Expectations
from .fitting import fitted
from .process import ProcessCandidate
from .reproducers import (
    Reproducer,
    ReproducerError,
    cheapest_failures,
    file_name,
    smallest,
    write_reproducers,
)
from .stream import TargetResult
from .targets import Target
from .verdict import Verdict

__all__ = ["check_folder", "reproduce"]


def check_folder(folder: str) -> Path:
    """The folder, if it can be written; raises `UserError`, before anything is run."""
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
    results: Sequence[TargetResult],
    checks: Sequence[Check],
    expect: Expectations,
    timeout: float,
    memory: float | None = None,
) -> None:
    """Reduce what failed, target by target, each started anew; write, and say where.

    A target that did not fail gets no folder.  Raises `UserError` where the files
    cannot be written.
    """
    path = check_folder(folder)
    names: set[str] = set()
    for target, result in zip(targets, results, strict=True):
        if not cheapest_failures(result.verdicts, checks):
            continue
        if file_name(target.name) in names:
            raise UserError(f"{target.name}: another target has a folder of that name")
        names.add(file_name(target.name))
        found = _of_target(target, result.verdicts, checks, expect, timeout, memory)
        try:
            place = write_reproducers(path, target.name, found)
        except ReproducerError as error:
            raise UserError(str(error)) from None
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from None
        click.echo(f"{target.name}: {len(found)} reproducers in {place}", err=True)


def _of_target(
    target: Target,
    verdicts: Iterable[Verdict],
    checks: Iterable[Check],
    expect: Expectations,
    timeout: float,
    memory: float | None,
) -> list[Reproducer]:
    candidate = ProcessCandidate(target.command, timeout, memory)
    try:
        identity = candidate.start()
        fit = [fitted(check, identity.constants) for check in checks]
        return [
            _one(candidate, identity, target, name, *pair, expect)
            for name, pair in cheapest_failures(verdicts, fit).items()
        ]
    except (NotLoaded, Malformed) as error:
        lines = str(error).strip().splitlines() or ["no reason was given"]
        raise UserError(
            f"{target.name} could not be started again: {lines[-1]}"
        ) from None
    except KeyboardInterrupt:
        candidate.abandon()
        raise
    finally:
        candidate.close()


def _one(
    candidate: ProcessCandidate,
    identity: Identity,
    target: Target,
    requirement: str,
    verdict: Verdict,
    check: Check,
    expect: Expectations,
) -> Reproducer:
    if isinstance(check, Scenario):
        if not candidate.alive:
            candidate.start()
        return smallest(candidate, identity, check, verdict, expect, target.name)
    sort = {"relation": "a relation of two runs", "native": "host code"}.get(
        kind(check), "a run that is written while it is played"
    )
    note = f"No scenario but {sort}, which is not made smaller; again by"
    return Reproducer(requirement, check.id, verdict, note=note)
