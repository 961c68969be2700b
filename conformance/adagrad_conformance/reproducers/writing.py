"""The files of reproducers: a scenario and a script for each, and an index.

Each target has a folder of its own, which is replaced whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adagrad_conformance.execution.status import Status
from adagrad_conformance.files import ForeignFolderError, replace_folder
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.scenario import Scenario
from adagrad_reference.scenario_json import scenario_to_json

from .languages import LANGUAGES
from .literals import markdown_block, markdown_code, markdown_text, shell_words
from .scripts import Script, replay_command

__all__ = [
    "INDEX",
    "Reproducer",
    "ReproducerError",
    "are_reproducers",
    "file_name",
    "write_reproducers",
]

INDEX = "README.md"


class ReproducerError(ValueError):
    """Reproducers that cannot be written; the message is one line."""


@dataclass(frozen=True)
class Reproducer:
    """One failure, as small as it became.

    `scenario` is None where the check is none, or is too large to be read; `script` is
    None then too, and `note` says why.
    """

    name: str  #: of the fault, or of the requirement that fails
    check: str  #: the id of the check that failed
    verdict: Verdict
    scenario: Scenario | None = None
    script: Script | None = None
    plays: int = 0
    reduced: bool = False
    note: str = ""
    words: str = ""  #: what the fault is

    @property
    def snippet(self) -> str:
        """The script's source text, empty where there is no script."""
        return self.script.text if self.script else ""


def file_name(text: str) -> str:
    """`text` as a name of letters, digits, dots and hyphens."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:100] or "no-requirement"


def write_reproducers(
    folder: Path, target: str, reproducers: Sequence[Reproducer]
) -> Path:
    """Write all files of a target into a folder of its own, and return that folder.

    Raises `ReproducerError` where that folder holds anything else, OSError where it
    cannot be written; what was there before is then still there.
    """
    place = folder / file_name(target)
    try:
        texts = dict(_texts(target, reproducers))
    except ValueError as error:  # a word that no command line can hold
        raise ReproducerError(f"{place}: {error}") from None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with replace_folder(place, are_reproducers) as new:
            for name, text in texts.items():
                (new / name).write_text(text, encoding="utf-8")
    except ForeignFolderError as error:
        raise ReproducerError(f"{error}; choose another folder") from None
    return place


def are_reproducers(names: set[str]) -> bool:
    """Whether a folder with files of these names was written by `write_reproducers`."""
    known = all(Path(name).suffix in (".json", ".md", *LANGUAGES) for name in names)
    return INDEX in names and known


def _texts(target: str, reproducers: Sequence[Reproducer]) -> Iterable[tuple[str, str]]:
    for found in reproducers:
        if found.scenario is not None and found.script is not None:
            name = file_name(found.name)
            data = json.dumps(scenario_to_json(found.scenario), indent=1)
            yield f"{name}.json", f"{data}\n"
            yield f"{name}{found.script.language.suffix}", found.script.text
    yield INDEX, "\n".join(_index(target, reproducers)) + "\n"


# -- the index ---------------------------------------------------------------------


def _index(target: str, reproducers: Sequence[Reproducer]) -> Iterable[str]:
    yield f"# Reproducers of {markdown_text(target)}"
    yield ""
    yield "One for each fault, and for each requirement that failed without one, as"
    yield "small as it became. Run them from this folder; a script fails where the port"
    yield "does, and passes on a right one."
    for found in reproducers:
        yield ""
        yield f"## {markdown_text(found.name)} ({found.verdict.level})"
        yield ""
        if found.words:
            yield f"{markdown_text(found.words)}."
            yield ""
        yield markdown_code(_evidence(found.verdict))
        yield ""
        yield from _how_to_run(target, found)


def _how_to_run(target: str, found: Reproducer) -> Iterable[str]:
    if found.scenario is None or found.script is None:
        words = ("adagrad-conformance", "run", target, "--only", found.check)
        yield f"{found.note}:"
        yield from markdown_block([shell_words(*words)])
        return
    name = file_name(found.name)
    events = len(found.scenario.events)
    elements = sum(t.size for t in found.scenario.tensors.values())
    yield f"From {markdown_text(found.check)}: {events} events, {elements} elements."
    if found.note:
        yield f"Note: {found.note}."
    yield ""
    commands = (
        replay_command(target, f"{name}.json"),
        found.script.language.shown.format(name),
    )
    yield from markdown_block(commands)


def _evidence(verdict: Verdict) -> str:
    failure = verdict.failure
    if verdict.status is not Status.FAIL or failure is None:
        lines = verdict.message.strip().splitlines() or ["no message"]
        return f"{verdict.status}: {lines[-1].strip()}"
    text = failure.message
    if failure.observed_text is not None:
        index = "" if failure.element is None else f"[{failure.element}]"
        place = f"{failure.param or ''}{index}"
        text += f": {place} = {failure.observed_text}, due {failure.due_text}"
    return text
