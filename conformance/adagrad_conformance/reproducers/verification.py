"""Whether a script among reproducers ends in the fault that it was written for.

It is run as its readers run it, alone in a folder, in the environment of its port.  It
must not pass, nor break down elsewhere: what it says last is its own assertion, or,
where it has none, the exception that the index tells of.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from adagrad_conformance.adapters.environments import ENVIRONMENTS, Environment
from adagrad_conformance.adapters.registry import PORTS

from .smallest import INDEX, SUFFIXES

__all__ = ["script_troubles"]

#: Seconds, for all that a script does.
PATIENCE = 300.0
#: How scripts assert, in Python, JavaScript and C++, and what they then say.
_ASSERTS = re.compile(
    r'^assert |^assert\.|accepted, though|std::cerr << "(?!refused)', re.MULTILINE
)
_SAYS = re.compile(
    r"^(\[rank\d\]: )?AssertionError|accepted, though|, due |has no accumulator",
    re.MULTILINE,
)
_EXCEPTION = re.compile(r"^(?:refused what is legal|crash): ([^:\n]+)", re.MULTILINE)


def script_troubles(port: str, folder: Path) -> dict[str, str]:
    """Script that does not end in its fault -> how it ends.

    `folder` has the reproducers of the port, with their index.
    """
    index = (folder / INDEX).read_text(encoding="utf-8")
    found = {}
    for script in sorted(folder.iterdir()):
        if script.suffix in SUFFIXES:
            section = _section(index, script)
            if trouble := _trouble(port, script, section):
                found[script.name] = trouble
    return found


def _section(index: str, script: Path) -> str:
    parts = index.split("\n## ")
    return next((part for part in parts if f"{script.stem}.json\n" in part), "")


def _trouble(port: str, script: Path, section: str) -> str:
    text = script.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as alone:
        try:
            if script.suffix == ".sh":
                shutil.copy(script.with_suffix(".json"), alone)
            ended, said = _ran(port, text, script.suffix, Path(alone))
        except subprocess.TimeoutExpired:
            return f"does not end within {PATIENCE:g} s"
        except OSError as error:
            return f"{error.filename}: {error.strerror}"
    if not ended:
        return "passes"
    if script.suffix == ".sh":  # its exit code says what the suite saw
        return "" if ended == 1 else f"ends with exit code {ended}, which is no verdict"
    fault = _EXCEPTION.search(section)
    if _ASSERTS.search(text):
        right = bool(_SAYS.search(said))
    else:
        right = fault is not None and fault[1] in said
    lines = said.strip().splitlines() or [f"nothing (exit code {ended})"]
    return "" if right else f"ends in {lines[-1].strip()[:200]}"


def _ran(port: str, text: str, suffix: str, folder: Path) -> tuple[int, str]:
    """Exit code, and what was said, of a script alone in a folder."""
    script = folder / f"script{suffix}"
    script.write_text(text, encoding="utf-8")
    environment = ENVIRONMENTS.get(PORTS[port].environment)
    command = [*_runner(environment, text, suffix, folder), str(script)]
    if suffix == ".cpp" and environment is not None:
        program = folder / "script"
        done = _run(environment.compiling(script, program), folder)
        if done.returncode:
            return done.returncode, f"{done.stderr}\nthe compiler's error"
        command = [str(program)]
    done = _run(command, folder)
    return done.returncode, done.stderr


def _runner(
    environment: Environment | None, text: str, suffix: str, folder: Path
) -> list[str]:
    if suffix == ".sh":
        return ["sh"]
    own = "adagrad_conformance" in text  # the suite's own words, or its own port
    if environment is None or own:
        return [sys.executable]
    if suffix == ".mjs":
        packages = folder / "node_modules"
        packages.symlink_to(environment.folder / "node_modules")
        return ["node"]
    return [str(environment.python)]


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PATIENCE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PATH": path},
    )
