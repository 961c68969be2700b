"""Packages of Debian, unpacked into a folder without the rights of root."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from .building import BuildError

__all__ = ["unpacking"]

#: The release whose packages are taken, and the key that it is signed with.
_RELEASE = "trixie"
_KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"


def unpacking(packages: Sequence[str], folder: Path) -> Iterator[list[str]]:
    """The commands that unpack packages, `NAME=VERSION`, into a folder that is there.

    Each must be run before the next is taken.  Raises `BuildError` where this machine
    has no archive of Debian.
    """
    apt = folder.resolve() / "apt"
    (apt / "lists" / "partial").mkdir(parents=True)
    source = f"deb [signed-by={_KEY}] {_archive()} {_RELEASE} main\n"
    (apt / "sources.list").write_text(source)
    settings = {
        "Dir::State": apt,
        "Dir::Cache": apt,
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "APT::Sandbox::User": "root",  # apt then does not change its user
        "APT::Update::Error-Mode": "any",
    }
    lines = (f'{name} "{value}";\n' for name, value in settings.items())
    (apt / "apt.conf").write_text("".join(lines))
    client = ["apt-get", "-c", str(apt / "apt.conf")]
    yield [*client, "update"]
    yield ["env", f"--chdir={apt}", *client, "download", *packages]
    for package in sorted(apt.glob("*.deb")):
        yield ["dpkg-deb", "--extract", str(package), str(folder)]
    shutil.rmtree(apt)


def _archive() -> str:
    """The address from which this machine takes packages of Debian."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise BuildError("apt-get is not installed, and it is made on Debian") from None
    for line in done.stdout.splitlines():
        if line.endswith("/debian/"):
            return line
    raise BuildError("apt-get has no archive of Debian among its sources")
