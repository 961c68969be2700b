"""Faults of published ports: each confirmed by a script in the port's own words.

A folder of records has `faults/NAME.toml` for a port, and the scripts of its faults in
`faults/NAME/`.  Each fault has

    id, title      what the port does wrong
    promise        the claim, constant or switch whose evidence it breaks
    place          where in the port's source
    script         a program that uses the port alone
    covers         patterns of the requirements whose failures come from it
    scenarios, messages   optional: patterns of ids, expressions found in messages

Rule 1.  A fault is confirmed if its script, run in the environment of its port, ends
         with an error and a last line `expected ..., seen ...`, and the same script
         with `--control`, on a right implementation, ends well.
Rule 2.  A failure belongs to the first confirmed fault that covers it.  A failure
         without one is unconfirmed, and makes no verdict.
"""

from __future__ import annotations

import fnmatch
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adagrad_conformance.adapters.evidence.reading import evidence_of
from adagrad_conformance.execution.status import Status
from adagrad_conformance.reproducers.languages import LANGUAGES
from adagrad_conformance.reproducers.verification import run_script
from adagrad_conformance.reproducers.writing import file_name

__all__ = [
    "Confirmation",
    "Fault",
    "FaultError",
    "assign",
    "confirm",
    "fault_record",
    "faults_of",
    "script_path",
]

Json = dict[str, Any]

_NEEDED = {"id", "title", "promise", "place", "script", "covers"}
_SEEN = re.compile(r"expected .+, seen .+")


class FaultError(Exception):
    """A file of faults is not as it must be; the message names it."""


@dataclass(frozen=True)
class Fault:
    """One fault of a port; the fields are those of its file."""

    port: str
    id: str
    title: str
    promise: str
    place: str
    script: str
    covers: Sequence[str]
    scenarios: Sequence[str] = ("*",)
    messages: Sequence[str] = field(default=("",))

    @property
    def promised(self) -> str:
        """The promise in words, with its place."""
        port = evidence_of(self.port)
        return port.rows[self.promise].cited if port else self.promise

    def covers_record(self, record: Json) -> bool:
        """Whether a failed check comes from this fault."""
        told = f"{record.get('message', '')} {record.get('trouble', '')}"
        return (
            any(fnmatch.fnmatch(record["requirement"] or "", p) for p in self.covers)
            and any(fnmatch.fnmatch(record["scenario"], p) for p in self.scenarios)
            and any(re.search(p, told) for p in self.messages)
        )


@dataclass(frozen=True)
class Confirmation:
    """What became of a fault's script: why it is not confirmed, or what was seen."""

    fault: Fault
    seen: str = ""  #: the script's last line
    trouble: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether the script shows the fault and its control passes."""
        return not self.trouble


def faults_of(port: str, folder: Path) -> list[Fault]:
    """The faults of a port in a folder of records; raises `FaultError`.

    Each rests on evidence of the port that is not its source alone.
    """
    path = folder / "faults" / f"{file_name(port)}.toml"
    if not path.is_file():
        return []
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FaultError(f"{path.name}: {error}") from None
    if table.get("port") != port:
        raise FaultError(f"{path.name}: port = {table.get('port')!r}, not {port!r}")
    return [_fault(path, port, row) for row in table.get("faults", ())]


def _fault(path: Path, port: str, row: Mapping[str, Any]) -> Fault:
    what = f"{path.name}: fault {row.get('id')}"
    if lacking := _NEEDED - row.keys():
        raise FaultError(f"{what} lacks {sorted(lacking)[0]!r}")
    try:
        fault = Fault(port, **row)
    except TypeError as error:
        raise FaultError(f"{what}: {error}") from None
    known = evidence_of(port)
    promise = known.rows.get(fault.promise) if known else None
    if promise is None or promise.kind == "source":
        raise FaultError(f"{what}: nothing promises {fault.promise!r}")
    script = path.with_suffix("") / fault.script
    if not script.is_file() or script.suffix not in LANGUAGES:
        raise FaultError(f"{what}: there is no script {fault.script}")
    return fault


def script_path(fault: Fault) -> Path:
    """The path of a fault's script within a folder of records."""
    return Path("faults", file_name(fault.port), fault.script)


def confirm(fault: Fault, folder: Path) -> Confirmation:
    """Run the script of a fault and its control (rule 1)."""
    script = folder / script_path(fault)
    with tempfile.TemporaryDirectory() as alone:
        copied = Path(alone, script.name)
        shutil.copy(script, copied)
        ended = run_script(fault.port, copied)
        if isinstance(ended, str):
            return Confirmation(fault, trouble=ended)
        code, output = ended
        last = (output.strip().splitlines() or [""])[-1].strip()
        if not code:
            return Confirmation(fault, trouble="the script ends well")
        if not _SEEN.search(last):
            return Confirmation(fault, trouble=f"the script ends in {last[:200]!r}")
    with tempfile.TemporaryDirectory() as alone:
        copied = Path(alone, script.name)
        shutil.copy(script, copied)
        ended = run_script(fault.port, copied, "--control")
    if isinstance(ended, str) or ended[0]:
        end = ended if isinstance(ended, str) else ended[1].strip()[-200:]
        return Confirmation(fault, last, f"the control fails: {end}")
    return Confirmation(fault, last)


def assign(
    records: Sequence[Json], confirmations: Sequence[Confirmation]
) -> Iterator[tuple[Json, Fault | None]]:
    """Each failed check of a port at MUST or SHOULD, with its confirmed fault."""
    faults = [each.fault for each in confirmations if each.confirmed]
    for record in records:
        if Status(record["status"]).is_failure and record["level"] != "MAY":
            found = (fault for fault in faults if fault.covers_record(record))
            yield record, next(found, None)


def fault_record(confirmation: Confirmation) -> Json:
    """A fault as a stream holds it."""
    fault = confirmation.fault
    record = {name: getattr(fault, name) for name in ("id", "title", "place")}
    record |= {"promise": fault.promised, "script": script_path(fault).as_posix()}
    record |= {"confirmed": confirmation.confirmed, "seen": confirmation.seen}
    return record | ({"trouble": confirmation.trouble} if confirmation.trouble else {})
