"""`ports`: the registered ports, their environments, and records of how they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from adagrad_conformance.adapters.environment_table import ENVIRONMENTS
from adagrad_conformance.adapters.environments import BuildError, Environment
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.errors import UserError
from adagrad_conformance.reports.recorded.faults import FaultError, confirm, faults_of
from adagrad_conformance.reports.recorded.recording import (
    missing_environment,
    record_port,
    scripts_folder,
    stream_file,
)
from adagrad_conformance.reproducers.verification import script_troubles
from adagrad_conformance.reproducers.writing import INDEX

__all__ = ["build", "check", "confirm_faults", "listing", "record"]


def listing() -> Iterator[str]:
    """A line for each port: where it runs, and whether that is there."""
    for name, port in PORTS.items():
        state = "in this Python"
        if port.environment:
            built = ENVIRONMENTS[port.environment].is_built
            state = f"environment {port.environment}, {'' if built else 'not '}built"
        yield f"{name:28}{state}"


def build(names: Sequence[str]) -> int:
    """Make environments, by their names or those of ports; all, without names.

    The exit code: 0, or 3 where an environment could not be made.
    """
    chosen = list(dict.fromkeys(map(_environment, names)))
    wanted = chosen or list(ENVIRONMENTS.values())
    failed = sum(not _is_made(environment) for environment in wanted)
    if failed:
        click.echo(
            f"{failed} of {len(wanted)} environments could not be built; their ports "
            "are not run",
            err=True,
        )
    return 3 if failed else 0


def _is_made(environment: Environment) -> bool:
    """Make an environment; False where it cannot be made."""
    try:
        there = environment.is_built
        environment.build(lambda line: click.echo(f"  {line}", err=True))
    except BuildError as error:
        click.echo(f"{environment.name}: cannot be built: {error}")
        return False
    click.echo(f"{environment.name}: {'is there' if there else 'built'}")
    return True


def _environment(name: str) -> Environment:
    if name in PORTS and not PORTS[name].environment:
        raise UserError(f"{name} runs in this Python and needs no environment")
    found = PORTS[name].environment if name in PORTS else name
    if found not in ENVIRONMENTS:
        known = ", ".join(ENVIRONMENTS)
        raise UserError(f"no port or environment {name!r}; environments: {known}")
    return ENVIRONMENTS[found]


def record(
    names: Sequence[str], folder: Path, seed: int, jobs: int, timeout: float
) -> int:
    """Run ports in full and keep what was seen: streams, and reproducers of faults.

    A port that cannot be run keeps the record that it has; a script that does not end
    in its fault is left out.  The exit code: 0, or 3 where a port was not recorded.
    """
    _check_names(names)
    try:
        Path(folder, "streams").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from None
    wanted = names or list(PORTS)
    code = 0
    with ThreadPoolExecutor(jobs) as pool:
        records = pool.map(
            lambda name: record_port(name, folder, seed, timeout), wanted
        )
        for name, recorded in zip(wanted, records, strict=True):
            click.echo(f"{name}: {recorded}")
            code = max(code, 3 if recorded.problem else 0)
    return code


def check(names: Sequence[str], folder: Path) -> int:
    """Run every recorded script of ports in its port's environment.

    A line for each that does not end in its fault.  The exit code: 0, 1 where there is
    one, or 3 where an environment is not built.
    """
    _check_names(names)
    codes = {_code(name, folder) for name in names or list(PORTS)} - {None}
    if not codes:
        whose = ", ".join(names) or "any port"
        raise UserError(f"{folder} has no record of {whose}; 'ports record' makes one")
    return max(code for code in codes if code is not None)


def confirm_faults(names: Sequence[str], folder: Path) -> int:
    """Run the scripts of faults and their controls.

    A line for each.  The exit code: 0, 1 where a fault is not confirmed, or 3 where an
    environment is not built.
    """
    _check_names(names)
    code, count = 0, 0
    for name in names or list(PORTS):
        try:
            faults = faults_of(name, folder)
        except FaultError as error:
            raise UserError(str(error)) from None
        count += len(faults)
        if faults and (problem := missing_environment(name)):
            click.echo(f"{name}: {problem}")
            code = 3
            continue
        for fault in faults:
            found = confirm(fault, folder)
            word = "confirmed" if found.confirmed else "NOT CONFIRMED"
            told = found.trouble or found.seen
            click.echo(f"{name}: {fault.id}: {word}: {told}")
            code = max(code, 0 if found.confirmed else 1)
    if not count:
        whose = ", ".join(names) or "any port"
        raise UserError(f"{folder} has no faults of {whose}; they lie in faults/")
    return code


def _code(name: str, folder: Path) -> int | None:
    """The exit code for one port; None where there is no record of it."""
    place = scripts_folder(name, folder)
    if not (place / INDEX).is_file():
        if not stream_file(name, folder).is_file():
            return None
        click.echo(f"{name}: nothing failed, so there is no script")
        return 0
    if problem := missing_environment(name):
        click.echo(f"{name}: {problem}")
        return 3
    troubles = script_troubles(name, place)
    for script, trouble in troubles.items():
        click.echo(f"{name}: {script} {trouble}")
    if not troubles:
        click.echo(f"{name}: each script ends in its fault")
    return 1 if troubles else 0


def _check_names(names: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in PORTS]:
        raise UserError(f"no port {unknown[0]!r}; 'ports list' shows them")
