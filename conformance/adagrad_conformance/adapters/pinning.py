"""The exact version of every package that an environment holds, as data.

pins/NAME.txt                 constraints of pip: a line `package==version` for each
pins/NAME.package-lock.json   a lock of npm, with the digest of each package

A package that is installed and stands in neither is an error of the build: its version
could change while the name of the environment stays.  The error names what is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .building import BuildError, run_command

__all__ = ["FOLDER", "installed", "manifest", "normalized", "parted", "read_pins"]

FOLDER = Path(__file__).parent / "pins"


def normalized(name: str) -> str:
    """A name of PyPI as it is compared: `ml_dtypes` and `ml-dtypes` are the same."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(path: Path) -> dict[str, str]:
    """Normalized name -> version, from constraints of pip.

    Raises OSError where the file cannot be read, ValueError for a line that has no
    exact version.
    """
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    found = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, version = parted(line)
            if not version:
                raise ValueError(f"{path}: {line!r} is no exact version")
            found[name] = version
    return found


def parted(requirement: str) -> tuple[str, str]:
    """(normalized name, version) of `name[extra]==version`; "" without a version."""
    name, _, version = requirement.partition("==")
    return normalized(name.partition("[")[0]), version


def installed(python: Path, pins: Mapping[str, str]) -> dict[str, str]:
    """Name -> version of what pip finds in an environment.

    Raises `BuildError` where one of them is not pinned, or has another version.  What
    follows a `+`, a build of the same version, is not compared.
    """
    command = [str(python), "-m", "pip", "list", "--format=json"]
    words = run_command([*command, "--disable-pip-version-check"], 600)
    found = {normalized(each["name"]): each["version"] for each in json.loads(words)}
    loose = {
        name: version
        for name, version in found.items()
        if pins.get(name) != version.partition("+")[0]
    }
    if loose:
        names = ", ".join(f"{name}=={version}" for name, version in loose.items())
        raise BuildError(f"it holds what its pins do not name: {names}")
    return found


def manifest(packages: Sequence[str]) -> str:
    """The text of package.json for packages, `name@version`."""
    pairs = (package.rpartition("@") for package in packages)
    return json.dumps({"dependencies": {name: version for name, _, version in pairs}})
