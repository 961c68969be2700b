"""`ports`: the registered ports, their environments, and a record of how they stand."""

from __future__ import annotations

import datetime
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from adagrad_conformance.adapters.environments import (
    ENVIRONMENTS,
    BuildError,
    Environment,
    home,
)
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.errors import UserError
from adagrad_conformance.files import write_bytes, write_text
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.stream import StreamError, read_stream
from adagrad_conformance.reproducers.verification import script_troubles
from adagrad_conformance.reproducers.writing import INDEX, file_name

__all__ = ["build", "check", "listing", "record"]

#: Gravest first, as over several targets of a run.
_CODES = {0: "conforms", 1: "does not conform", 4: "nothing could be judged"}


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

    The exit code: 0, or 3 where one could not be made.
    """
    wanted = list(dict.fromkeys(map(_environment, names))) or list(
        ENVIRONMENTS.values()
    )
    failed = 0
    for environment in wanted:
        try:
            there = environment.is_built
            environment.build(lambda line: click.echo(f"  {line}", err=True))
            click.echo(f"{environment.name}: {'is there' if there else 'built'}")
        except BuildError as error:
            failed += 1
            click.echo(f"{environment.name}: cannot be built: {error}")
    if failed:
        click.echo(
            f"{failed} of {len(wanted)} environments could not be built; their ports "
            "are not run",
            err=True,
        )
    return 3 if failed else 0


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

    Each port is a run of its own, written whole or not at all: not where it cannot be
    run, nor where a script does not end in its fault; what was recorded of it before
    stays.  The exit code: 0, or 3 where one was not recorded.
    """
    _check_names(names)
    try:
        Path(folder, "streams").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from None
    with ThreadPoolExecutor(jobs) as pool:
        done = pool.map(
            lambda name: _recorded(name, folder, seed, timeout), names or list(PORTS)
        )
        return max((_told(name, problem) for name, problem in done), default=0)


def check(names: Sequence[str], folder: Path) -> int:
    """Run every recorded script of ports in its port's environment.

    A line for each that does not end in its fault.  The exit code: 0, 1 where there is
    one, or 3 where an environment is not built.
    """
    _check_names(names)
    codes = set()
    for name in names or list(PORTS):
        place = folder / "reproducers" / file_name(name)
        if not (place / INDEX).is_file():
            if _stream(name, folder).is_file():
                codes.add(0)
                click.echo(f"{name}: nothing failed, so there is no script")
            continue
        if not _is_there(name):
            click.echo(f"{name}: not run: {_absent(name)}")
            codes.add(3)
            continue
        troubles = script_troubles(name, place)
        codes.add(1 if troubles else 0)
        for script, trouble in troubles.items():
            click.echo(f"{name}: {script} {trouble}")
        if not troubles:
            click.echo(f"{name}: each script ends in its fault")
    if not codes:
        whose = ", ".join(names) or "any port"
        raise UserError(f"{folder} has no record of {whose}; 'ports record' makes one")
    return max(codes)


def _check_names(names: Sequence[str]) -> None:
    if unknown := [name for name in names if name not in PORTS]:
        raise UserError(f"no port {unknown[0]!r}; 'ports list' shows them")


def _is_there(name: str) -> bool:
    environment = PORTS[name].environment
    return not environment or ENVIRONMENTS[environment].is_built


def _absent(name: str) -> str:
    return f"its environment {PORTS[name].environment} is not built"


def _told(name: str, problem: str | None) -> int:
    click.echo(f"{name}: {problem or 'recorded'}")
    return 3 if problem else 0


def _recorded(
    name: str, folder: Path, seed: int, timeout: float
) -> tuple[str, str | None]:
    """(name, why it was not run, if it was not)."""
    if not _is_there(name):
        return name, f"not run: {_absent(name)}"
    with tempfile.TemporaryDirectory() as beside:
        stream_file = Path(beside, "stream.jsonl")
        command = [
            *(sys.executable, "-m", "adagrad_conformance", "run", name),
            *("--seed", str(seed), "--timeout", str(timeout), "--format", "quiet"),
            *("--json", str(stream_file)),
            *("--reproducers", str(Path(beside, "reproducers"))),
        ]
        ran = subprocess.run(command, capture_output=True, text=True)
        if ran.returncode not in _CODES:
            last = (ran.stderr.strip().splitlines() or ["no word"])[-1]
            return name, f"not run: {_problem(stream_file) or last}"
        text = _without_places(stream_file.read_text(encoding="utf-8"))
        records = list(_kept_records(text.splitlines()))
        made = Path(beside, "reproducers", file_name(name))
        if made.is_dir() and (troubles := script_troubles(name, made)):
            first = " ".join(next(iter(troubles.items())))
            return name, f"not recorded: scripts are wrong, the first: {first}"
        _keep(made, folder / "reproducers" / file_name(name))
    text = "".join(json.dumps(record) + "\n" for record in records)
    # the same bytes for the same records: no time, no name
    write_bytes(_stream(name, folder), gzip.compress(text.encode(), mtime=0))
    return name, None


def _stream(name: str, folder: Path) -> Path:
    return folder / "streams" / f"{file_name(name)}.jsonl.gz"


def _keep(made: Path, place: Path) -> None:
    """Put a folder of reproducers in the place of those there; none, if none were."""
    if made.is_dir():
        index = made / INDEX
        write_text(index, _without_places(index.read_text(encoding="utf-8")))
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_name(f".{place.name}-new")
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(made, new)
        shutil.rmtree(place, ignore_errors=True)
        new.rename(place)
    else:
        shutil.rmtree(place, ignore_errors=True)


def _without_places(text: str) -> str:
    """The text without the folders of this machine, as they stand in stack traces."""
    suite = Path(__file__).resolve().parent
    places = {str(home()): "PORTS", str(suite): "adagrad_conformance"}
    for place, word in places.items():
        text = text.replace(place, word)
    return text


def _problem(path: Path) -> str | None:
    """Why the target could not be judged, from its stream."""
    try:
        stream: Stream = read_stream(path)
    except StreamError:
        return None
    return next((t["problem"] for t in stream.targets if "problem" in t), None)


def _kept_records(lines: Iterable[str]) -> Iterator[dict[str, object]]:
    """With the date, and without whole scenarios: these are megabytes, and have ids."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for line in lines:
        found = json.loads(line)
        found.pop("reproducer", None)
        yield {**found, "date": today} if found["record"] == "header" else found
