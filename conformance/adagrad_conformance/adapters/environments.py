"""Environments of their own for ports that bring a framework, or need a compiler.

Each is a folder that `adagrad-conformance ports build` makes from nothing and that
nothing else changes: a Python with packages, a folder of npm packages, or a compiled
program, with the packages of Debian that it includes.

1. The folders lie in `home()`.  The name of each holds a digest of all that decides its
   content: exact versions of all packages (pinning.py), sources, flags, the version of
   the compiler, the platform.  Another content is another folder.
2. A folder without its stamp is half made, and made anew.
3. What was installed is compared with the pins before the stamp is written.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from adagrad_conformance.files import write_text

from . import pinning
from .building import BuildError, run_command, version_of
from .debian import unpacking

__all__ = ["COMPILERS", "BuildError", "Environment", "home"]

_STAMP = "built.json"
_HERE = Path(__file__).resolve().parents[1]

#: How a program is compiled, and the kit that it includes, by its suffix.
COMPILERS = {
    ".cpp": ("g++", "-std=c++20", "-O1"),
    ".c": ("gcc", "-std=c11", "-O2"),
    ".rs": ("rustc", "--edition", "2021", "-O"),
}
_KITS = {
    ".cpp": "cpp/adagrad_port.hpp",
    ".c": "c/adagrad_port.h",
    ".rs": "rust/adagrad_port.rs",
}
#: What a new environment of Python has, or may have: replaced by what is pinned.
_BROUGHT = ("pip", "setuptools")


def home() -> Path:
    """Where environments lie: $ADAGRAD_CONFORMANCE_PORTS, or the user's cache."""
    if chosen := os.environ.get("ADAGRAD_CONFORMANCE_PORTS"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "adagrad-conformance" / "ports"


@dataclass(frozen=True)
class Environment:
    """What is in an environment.

    `pip` are requirements, installed one list after the other, under `settings` as
    environment variables; `npm` are packages; what these need in turn stands in `pins`
    (default: the file in pins/ that is named after the environment).  `debian` are
    packages, each with its version, which are only unpacked.  `program` is a source in
    C++, C or Rust, compiled with `flags`; it is made of the packages of `parent`.
    """

    name: str
    pip: tuple[tuple[str, ...], ...] = ()
    npm: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    program: str = ""
    flags: Callable[[Path], list[str]] | None = None  #: by the parent's Python
    parent: Environment | None = None
    patience: int = 3600  #: seconds for each command
    pins: Path | None = None

    @property
    def folder(self) -> Path:
        """Where it lies, or would."""
        key = hashlib.sha256(json.dumps(self._content()).encode()).hexdigest()
        return home() / f"{self.name}-{key[:10]}"

    def _content(self) -> dict[str, object]:
        """All that decides what is in the folder."""
        files = [path for path in (self.pin_file, *self._sources()) if path.is_file()]
        return {
            "packages": [self.pip, self.npm, self.debian],
            "settings": self.settings,
            "files": [hashlib.sha256(path.read_bytes()).hexdigest() for path in files],
            "platform": [sys.platform, platform.machine(), *sys.version_info[:2]],
            "parent": self.parent.folder.name if self.parent else "",
            "compiler": self._compiler(),
        }

    def _compiler(self) -> list[str]:
        if not self.program:
            return []
        words = COMPILERS[Path(self.program).suffix]
        flags = self.flags(Path("FOLDER", "bin", "python")) if self.flags else []
        return [version_of(words[0]), *words, *flags]

    def _sources(self) -> list[Path]:
        """The program, and the kit that it includes."""
        if not self.program:
            return []
        program = _HERE / self.program
        return [program, _HERE / "adapter_kits" / _KITS[program.suffix]]

    @property
    def pin_file(self) -> Path:
        """Constraints of pip, or a lock of npm."""
        kind = "package-lock.json" if self.npm else "txt"
        return self.pins or pinning.FOLDER / f"{self.name}.{kind}"

    @property
    def is_built(self) -> bool:
        """Whether it is there, whole."""
        return (self.folder / _STAMP).is_file()

    @property
    def python(self) -> Path:
        """Its Python, or that of its parent."""
        return (self.parent or self).folder / "bin" / "python"

    def build(self, say: Callable[[str], None] = lambda line: None) -> None:
        """Make it, unless it is there; raises `BuildError`.

        `say` is called with each command before it is run.
        """
        if self.is_built:
            return
        if self.parent:
            self.parent.build(say)
        folder = self.folder
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir(parents=True)
            for command in self._commands(folder):
                say(f"{self.name}: {' '.join(command)}")
                run_command(command, self.patience, self._variables(command))
            stamp = {"name": self.name, "packages": self._installed(folder)}
            write_text(folder / _STAMP, json.dumps(stamp, indent=1) + "\n")
        except OSError as error:
            raise BuildError(f"{error.strerror or error}: {error.filename}") from None

    def _commands(self, folder: Path) -> Iterator[list[str]]:
        if self.pip:
            yield [sys.executable, "-m", "venv", str(folder)]
            yield from self._installing(folder)
        if self.npm:
            self._write_manifest(folder)
            quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
            yield ["npm", "ci", *quiet, "--prefix", str(folder)]
        if self.debian:
            yield from unpacking(self.debian, folder)
        if self.program:
            yield self.compiling(_HERE / self.program, folder / "port")

    def _installing(self, folder: Path) -> Iterator[list[str]]:
        if not self.pin_file.is_file():
            raise BuildError(f"there is no file of pins, {self.pin_file}")
        pins = pinning.read_pins(self.pin_file)
        brought = tuple(f"{name}=={pins[name]}" for name in _BROUGHT if name in pins)
        install = ["-m", "pip", "install", "-q", "--disable-pip-version-check"]
        for requirements in filter(None, (brought, *self.pip)):
            constrained = ["-c", str(self.pin_file), *requirements]
            yield [str(folder / "bin" / "python"), *install, *constrained]

    def _variables(self, command: list[str]) -> dict[str, str]:
        """Environment variables of a command.

        The tools that build a package from source are pinned, too; pip has no such
        setting where they are those of the environment.
        """
        if not self.pip or "--no-build-isolation" in command:
            return dict(self.settings)
        return {"PIP_BUILD_CONSTRAINT": self.pin_file.as_uri(), **dict(self.settings)}

    def _write_manifest(self, folder: Path) -> None:
        if not self.pin_file.is_file():
            raise BuildError(f"there is no lock of npm, {self.pin_file}")
        (folder / "package.json").write_text(pinning.manifest(self.npm))
        shutil.copyfile(self.pin_file, folder / "package-lock.json")

    def _installed(self, folder: Path) -> dict[str, str]:
        """Name -> version of what pip installed; npm and apt fail where one differs."""
        if not self.pip:
            return {}
        python = folder / "bin" / "python"
        return pinning.installed(python, pinning.read_pins(self.pin_file))

    def compiling(self, source: Path, program: Path) -> list[str]:
        """The command that compiles a source as its own program is compiled."""
        more = self.flags(self.python) if self.flags else []
        return [*COMPILERS[source.suffix], str(source), *more, "-o", str(program)]
