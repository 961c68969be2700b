"""`new-adapter`: a working adapter, for an author of a port to begin with."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from string import Template

import click

from adagrad_conformance.adapters.base import CLAIMS
from adagrad_conformance.errors import UserError

__all__ = ["LANGUAGES", "Language", "new_adapter_command"]

#: Kits and adapters, a folder for each language.
FOLDER = Path(__file__).parents[1] / "adapter_kits"


@dataclass(frozen=True)
class Language:
    """What is written for a language; commands are for the folder it is written to."""

    adapter: str  #: the file that its author fills
    target: str  #: what to run
    refusals: str  #: how a port refuses, in one sentence
    kit: str | None = None  #: the file that speaks the protocol
    build: str | None = None  #: the command that builds it


LANGUAGES = {
    "python": Language(
        "adapter.py",
        "adapter.py:Adapter",
        "The exceptions that refuse are listed in `refusals`.",
    ),
    "javascript": Language(
        "adapter.mjs",
        '"exec:node adapter.mjs"',
        "List the classes of errors that refuse in `refusals`.",
        kit="port.mjs",
    ),
    "cpp": Language(
        "adapter.cpp",
        "exec:./adapter",
        "Throw `Refused`, or tell by `Port::refuses` which exceptions refuse.",
        kit="adagrad_port.hpp",
        build="g++ -std=c++17 -O2 -Wall -Wextra adapter.cpp -o adapter",
    ),
    "c": Language(
        "adapter.c",
        "exec:./adapter",
        "Call `ap_refuse` for it.",
        kit="adagrad_port.h",
        build="gcc -std=c11 -O2 -Wall -Wextra adapter.c -lm -o adapter",
    ),
    "rust": Language(
        "adapter.rs",
        "exec:./adapter",
        "Give `Err(Refused(..))` for it; a panic is a crash.",
        kit="adagrad_port.rs",
        build="rustc --edition 2021 -O adapter.rs -o adapter",
    ),
}


def new_adapter_command(language: str, folder: str) -> None:
    """Write kit, adapter and README into a new folder; raises `UserError`."""
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise UserError(f"no adapter for {language!r}; there are: {known}")
    chosen, place = LANGUAGES[language], Path(folder)
    try:
        if place.exists() or place.is_symlink():
            raise UserError(f"{folder} exists; name a folder that does not")
        _write(language, chosen, place)
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror or error}") from None
    click.echo(f"{folder}: {', '.join([*_files(chosen), 'README.md'])}")
    click.echo("next:")
    for command in (f"cd {shlex.quote(folder)}", *_commands(chosen)):
        click.echo(f"  {command}")


def _write(language: str, chosen: Language, place: Path) -> None:
    """Beside it first, so that the folder is there whole or not at all."""
    beside = place.with_name(f".{place.name}.{os.getpid()}")
    beside.mkdir()
    try:
        for name in _files(chosen):
            shutil.copyfile(FOLDER / language / name, beside / name)
        (beside / "README.md").write_text(_readme(chosen))
        beside.rename(place)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def _files(chosen: Language) -> list[str]:
    return [name for name in (chosen.adapter, chosen.kit) if name]


def _commands(chosen: Language) -> list[str]:
    judge = [
        f"adagrad-conformance {word} {chosen.target}" for word in ("doctor", "run")
    ]
    return [chosen.build, *judge] if chosen.build else judge


def _readme(chosen: Language) -> str:
    kit = "the kit: it speaks the protocol, and says at its top how it is used"
    return Template((FOLDER / "README.template.md").read_text()).substitute(
        adapter=chosen.adapter,
        kit=f"| `{chosen.kit}` | {kit} |\n" if chosen.kit else "",
        commands="".join(f"    {command}\n" for command in _commands(chosen)),
        refusals=chosen.refusals,
        target=chosen.target,
        claims="".join(f"| `{word}` | {text} |\n" for word, text in CLAIMS.items()),
    )
