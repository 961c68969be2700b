"""Commands that make environments, and how they fail."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["BuildError", "run_command", "version_of"]


class BuildError(Exception):
    """An environment that cannot be made; the message says why, in one line."""


def run_command(
    command: Sequence[str], patience: float, settings: Mapping[str, str] | None = None
) -> str:
    """Run a command of at most `patience` seconds; returns its standard output.

    `settings` are environment variables beside those of this process.  Raises
    `BuildError` where the command is missing, fails, or does not end in time.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience,
            env={**os.environ, **(settings or {})},
        )
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not installed") from None
    except subprocess.TimeoutExpired:
        raise BuildError(f"{command[0]} took more than {patience} s") from None
    if done.returncode:
        output = done.stderr.strip() or done.stdout.strip()
        lines = output.splitlines() or ["no message"]
        errors = [line for line in lines if "rror" in line] or lines
        raise BuildError(f"{Path(command[0]).name} failed: {errors[-1].strip()[:300]}")
    return done.stdout


def version_of(program: str) -> str:
    """The first line that `program --version` prints; "" where it does not run."""
    found = shutil.which(program)
    return _version(found, os.stat(found).st_mtime_ns) if found else ""


@functools.cache
def _version(path: str, changed: int) -> str:
    """`changed` is when the program was: another one is run again."""
    try:
        return run_command([path, "--version"], 60).partition("\n")[0]
    except BuildError:
        return ""
