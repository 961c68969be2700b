"""Whether a script among reproducers ends in the fault that it was written for.

A script is run alone in a folder, in the environment of its port, as its readers run
it.  It must fail by its own assertion or, where it has none, by the exception that the
index names: a script that passes, or that breaks down elsewhere, shows nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from adagrad_conformance.adapters.environment_table import ENVIRONMENTS
from adagrad_conformance.adapters.registry import PORTS

from .languages import LANGUAGES, SHELL, ScriptLanguage
from .writing import INDEX

__all__ = ["run_script", "script_troubles"]

#: Seconds, for all that a script does.
PATIENCE = 300.0
#: The evidence of an exception in the index, as text or as a code span.
_EXCEPTION = re.compile(r"^`*(?:refused what is legal|crash): ([^:`\n]+)", re.MULTILINE)


def script_troubles(port: str, folder: Path) -> dict[str, str]:
    """How each script ends that does not end in its fault, by the script's name.

    `folder` has the reproducers of the port, with their index.
    """
    index = (folder / INDEX).read_text(encoding="utf-8")
    found = {}
    for script in sorted(folder.iterdir()):
        if script.suffix in LANGUAGES:
            section = _section(index, script)
            if trouble := _trouble(port, script, section):
                found[script.name] = trouble
    return found


def _section(index: str, script: Path) -> str:
    """The part of the index that holds the script's command."""
    parts = index.split("\n## ")
    return next((part for part in parts if f"{script.stem}.json\n" in part), "")


def _trouble(port: str, script: Path, section: str) -> str:
    language = LANGUAGES[script.suffix]
    with tempfile.TemporaryDirectory() as alone:
        copied = Path(alone, f"script{script.suffix}")
        shutil.copy(script, copied)
        if language is SHELL:
            shutil.copy(script.with_suffix(".json"), alone)
        ended = run_script(port, copied)
    if isinstance(ended, str):
        return ended
    code, errors = ended
    if not code:
        return "passes"
    if language is SHELL:  # its exit code is the verdict of a run
        return "" if code == 1 else f"ends with exit code {code}, which is no verdict"
    if _ends_in_fault(language, script.read_text(encoding="utf-8"), errors, section):
        return ""
    lines = errors.strip().splitlines() or [f"nothing (exit code {code})"]
    return f"ends in {lines[-1].strip()[:200]}"


def _ends_in_fault(
    language: ScriptLanguage, source: str, errors: str, section: str
) -> bool:
    if language.asserts and language.failed and language.asserts.search(source):
        return language.failed.search(errors) is not None
    fault = _EXCEPTION.search(section)
    return fault is not None and fault[1] in errors


def run_script(port: str, script: Path, *arguments: str) -> tuple[int, str] | str:
    """Exit code and stderr of a script, run in the environment of a port.

    The script lies in a folder of its own, which changes.  Where it does not come to an
    end, the answer is why.
    """
    environment = ENVIRONMENTS.get(PORTS[port].environment)
    *before, last = LANGUAGES[script.suffix].run(script, environment)
    try:
        for command in before:
            done = _run(command, script.parent)
            if done.returncode:
                return done.returncode, f"{done.stderr}\nthe compiler's error"
        done = _run([*last, *arguments], script.parent)
    except subprocess.TimeoutExpired:
        return f"does not end within {PATIENCE:g} s"
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    return done.returncode, done.stderr


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
