"""A record of how a registered port stands: its result stream and its reproducers.

A record lies in a folder that is committed: `streams/NAME.jsonl.gz`, and
`reproducers/NAME/` where something failed.  The same run writes the same bytes: the
stream has the date, and no time and no folder of this machine.
"""

from __future__ import annotations

import datetime
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adagrad_conformance.adapters.environment_table import ENVIRONMENTS
from adagrad_conformance.adapters.environments import home
from adagrad_conformance.adapters.evidence.reading import evidence_of
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.files import (
    ForeignFolderError,
    remove_folder,
    replace_folder,
    write_bytes,
)
from adagrad_conformance.reports.stream import StreamError, read_stream
from adagrad_conformance.reproducers.verification import script_troubles
from adagrad_conformance.reproducers.writing import INDEX, are_reproducers, file_name

from .crossing import crossed_line
from .faults import FaultError, assign, confirm, fault_record, faults_of

__all__ = [
    "Recorded",
    "missing_environment",
    "record_port",
    "scripts_folder",
    "stream_file",
]

Json = dict[str, Any]

#: The exit codes of `run` after which there is a result to record.
_JUDGED = {0, 1, 4}


def stream_file(name: str, folder: Path) -> Path:
    """Where a folder of records has the stream of a port."""
    return folder / "streams" / f"{file_name(name)}.jsonl.gz"


def scripts_folder(name: str, folder: Path) -> Path:
    """Where a folder of records has the reproducers of a port."""
    return folder / "reproducers" / file_name(name)


def missing_environment(name: str) -> str | None:
    """Why a registered port cannot be run here; None where it can."""
    environment = PORTS[name].environment
    if not environment or ENVIRONMENTS[environment].is_built:
        return None
    return f"not run: its environment {environment} is not built"


@dataclass(frozen=True)
class Recorded:
    """What became of a record: why there is none, or which scripts it goes without."""

    problem: str | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)  #: how each ends

    def __str__(self) -> str:
        if self.problem:
            return self.problem
        without = "; ".join(map(" ".join, self.left_out.items()))
        return f"recorded, but for scripts: {without}" if without else "recorded"


def record_port(name: str, folder: Path, seed: int, timeout: float) -> Recorded:
    """Run a port in full and keep its stream and its reproducers.

    Where there is a problem, what was recorded before is as it was.  `timeout` is
    seconds for each answer of the port.
    """
    if problem := missing_environment(name):
        return Recorded(problem)
    left_out: Mapping[str, str] = {}
    with tempfile.TemporaryDirectory() as beside:
        stream, scripts = Path(beside, "stream.jsonl"), Path(beside, "reproducers")
        if problem := _problem_of_run(name, folder, stream, scripts, seed, timeout):
            return Recorded(f"not run: {problem}")
        made = scripts / file_name(name)
        if made.is_dir():
            left_out = script_troubles(name, made)
            _leave_out(made, left_out)
        try:
            _keep(name, folder, stream, made, timeout)
        except (FaultError, ForeignFolderError) as error:
            return Recorded(f"not recorded: {error}")
        except OSError as error:
            place, reason = error.filename or folder, error.strerror or error
            return Recorded(f"not recorded: cannot write {place}: {reason}")
    return Recorded(left_out=left_out)


def _leave_out(made: Path, scripts: Mapping[str, str]) -> None:
    """Remove scripts and their commands; the scenario of each stays."""
    index = made / INDEX
    lines = index.read_text(encoding="utf-8").splitlines(keepends=True)
    for script in scripts:
        (made / script).unlink()
        lines = [line for line in lines if not line.rstrip().endswith(f" {script}")]
    index.write_text("".join(lines), encoding="utf-8")


def _problem_of_run(
    name: str, folder: Path, stream: Path, scripts: Path, seed: int, timeout: float
) -> str | None:
    """Run a port in another process, which writes both; why it was not judged.

    Failures that a fault in the folder covers get no script but that of the fault.
    """
    command = [
        *(sys.executable, "-m", "adagrad_conformance", "run", name),
        *("--seed", str(seed), "--timeout", str(timeout), "--format", "quiet"),
        *("--json", str(stream), "--reproducers", str(scripts)),
        *("--known-faults", str(folder)),
    ]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode in _JUDGED:
        return None
    last = (ran.stderr.strip().splitlines() or ["no message"])[-1]
    return _problem_in(stream) or last


def _problem_in(path: Path) -> str | None:
    """Why the target could not be judged, from its stream."""
    try:
        stream = read_stream(path)
    except StreamError:
        return None
    return next((t["problem"] for t in stream.targets if "problem" in t), None)


# -- what is kept --------------------------------------------------------------------


def _keep(name: str, folder: Path, stream: Path, made: Path, timeout: float) -> None:
    """Put both in the place of those of before; no reproducers where none were made.

    The stream is written first: where that fails, both are as they were.
    """
    data = _kept_stream(name, folder, stream, timeout)
    place = scripts_folder(name, folder)
    if not made.is_dir():
        write_bytes(stream_file(name, folder), data)
        remove_folder(place, are_reproducers)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with replace_folder(place, are_reproducers) as new:
        for path in made.iterdir():
            shutil.copyfile(path, new / path.name)
        index = (made / INDEX).read_text(encoding="utf-8")
        (new / INDEX).write_text(_without_places(index), encoding="utf-8")
        write_bytes(stream_file(name, folder), data)


def _kept_stream(name: str, folder: Path, stream: Path, timeout: float) -> bytes:
    text = _without_places(stream.read_text(encoding="utf-8"))
    records = list(_kept_records(text.splitlines()))
    if evidence_of(name):
        _enter_faults(name, folder, records, timeout)
    lines = "".join(json.dumps(record) + "\n" for record in records)
    return gzip.compress(lines.encode(), mtime=0)  # no time: the same bytes again


def _kept_records(lines: Iterable[str]) -> Iterator[Json]:
    """Records with the date, without whole scenarios: megabytes, which have ids."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for line in lines:
        found = json.loads(line)
        found.pop("reproducer", None)
        yield {**found, "date": today} if found["record"] == "header" else found


def _enter_faults(name: str, folder: Path, records: list[Json], timeout: float) -> None:
    """Confirm the faults of a port, and enter them and what each covers.

    Where no fault covers a failure, the adapter is doubted (crossing.py).
    """
    confirmations = [confirm(fault, folder) for fault in faults_of(name, folder)]
    (target,) = (r for r in records if r["record"] == "target")
    target["faults"] = [fault_record(each) for each in confirmations]
    checks = [r for r in records if r["record"] == "check"]
    for record, fault in assign(checks, confirmations):
        if fault is not None:
            record["fault"] = fault.id
    if line := crossed_line(name, checks, timeout):
        target["crossing"] = line


def _without_places(text: str) -> str:
    """The text without the folders of this machine, as they stand in stack traces."""
    suite = Path(__file__).resolve().parents[2]
    for place, word in ((home(), "PORTS"), (suite, "adagrad_conformance")):
        for written in (str(place), json.dumps(str(place))[1:-1]):
            text = text.replace(written, word)
    return text
