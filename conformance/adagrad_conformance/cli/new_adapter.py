"""`new-adapter`: a working adapter, for an author of a port to begin with."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from string import Template

import click

from adagrad_conformance.adapter_kits import FOLDER, LANGUAGES, Language
from adagrad_conformance.adapters.base import CLAIMS
from adagrad_conformance.errors import UserError
from adagrad_conformance.files import ForeignFolderError, replace_folder

__all__ = ["new_adapter_command"]


def new_adapter_command(language: str, folder: str) -> None:
    """Write kit, adapter and README into a new folder; raises `UserError`."""
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise UserError(f"no adapter for {language!r}; there are: {known}")
    chosen, place = LANGUAGES[language], Path(folder)
    taken = f"{folder} exists; name a folder that does not"
    if os.path.lexists(place):
        raise UserError(taken)
    try:
        _write(language, chosen, place)
    except ForeignFolderError:  # made by another process in the meantime
        raise UserError(taken) from None
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror or error}") from None
    click.echo(f"{folder}: {', '.join([*_files(chosen), 'README.md'])}")
    click.echo("next:")
    for command in (f"cd {shlex.quote(folder)}", *_commands(chosen)):
        click.echo(f"  {command}")


def _write(language: str, chosen: Language, place: Path) -> None:
    with replace_folder(place, lambda names: False) as new:
        for name in _files(chosen):
            shutil.copyfile(FOLDER / language / name, new / name)
        (new / "README.md").write_text(_readme(chosen), encoding="utf-8")


def _files(chosen: Language) -> list[str]:
    return [name for name in (chosen.adapter, chosen.kit) if name]


def _commands(chosen: Language) -> list[str]:
    judge = [
        f"adagrad-conformance {word} {chosen.target}" for word in ("doctor", "run")
    ]
    return [chosen.build, *judge] if chosen.build else judge


def _readme(chosen: Language) -> str:
    template = (FOLDER / "README.template.md").read_text(encoding="utf-8")
    kit = "the kit: it speaks the protocol, and says at its top how it is used"
    return Template(template).substitute(
        adapter=chosen.adapter,
        kit=f"| `{chosen.kit}` | {kit} |\n" if chosen.kit else "",
        commands="".join(f"    {command}\n" for command in _commands(chosen)),
        refusals=chosen.refusals,
        target=chosen.target,
        claims="".join(f"| `{word}` | {text} |\n" for word, text in CLAIMS.items()),
    )
