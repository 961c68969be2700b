"""The languages of scripts: how each is run, and how a script ends in its fault."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adagrad_conformance.adapters.environments import COMPILERS, Environment

from .literals import cpp_comment, js_comment, python_comment

__all__ = ["CPP", "JAVASCRIPT", "LANGUAGES", "PYTHON", "SHELL", "ScriptLanguage"]

#: The commands that run a script, in order, from its path and the port's environment.
Commands = Callable[[Path, Environment | None], list[list[str]]]

_ACCEPTED = "accepted, though"


@dataclass(frozen=True)
class ScriptLanguage:
    """One language, known by the suffix of its files.

    A reader runs a script named {0} by `shown`, from the folder that holds it; `run`
    prepares that folder and gives the same as commands for a given environment.
    `asserts` is found in the source of a script that ends in an assertion of its own,
    `failed` in what such a script then writes to stderr.  Both are None where the exit
    code alone tells of the fault.
    """

    suffix: str
    shown: str
    run: Commands
    comment: Callable[[str], str] = python_comment
    asserts: re.Pattern[str] | None = None
    failed: re.Pattern[str] | None = None


def _python(script: Path, environment: Environment | None) -> list[list[str]]:
    """Under the port's Python, or this one where the script imports the suite."""
    own = "adagrad_conformance" in script.read_text(encoding="utf-8")
    if environment is None or own:
        return [[sys.executable, str(script)]]
    return [[str(environment.python), str(script)]]


def _node(script: Path, environment: Environment | None) -> list[list[str]]:
    """By node, with the environment's packages beside the script."""
    if environment is not None:
        packages = script.with_name("node_modules")
        packages.symlink_to(environment.folder / "node_modules")
    return [["node", str(script)]]


def _compiled(script: Path, environment: Environment | None) -> list[list[str]]:
    """Compiled as the port's own program is, then run."""
    program = script.with_suffix("")
    compiled = [*COMPILERS[script.suffix], str(script), "-o", str(program)]
    if environment is not None:
        compiled = environment.compiling(script, program)
    return [compiled, [str(program)]]


def _shell(script: Path, environment: Environment | None) -> list[list[str]]:
    del environment  # the command finds it
    return [["sh", str(script)]]


def _lines(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


PYTHON = ScriptLanguage(
    ".py",
    "python {0}.py",
    _python,
    python_comment,
    _lines(rf"^assert |{_ACCEPTED}"),
    _lines(rf"^(\[rank\d\]: )?AssertionError|{_ACCEPTED}"),
)
JAVASCRIPT = ScriptLanguage(
    ".mjs",
    "node {0}.mjs",
    _node,
    js_comment,
    _lines(r"^assert\."),
    _lines("^AssertionError"),
)
CPP = ScriptLanguage(
    ".cpp",
    # $FLAGS, if any, stand in the first lines of the script
    f"{' '.join(COMPILERS['.cpp'])} {{0}}.cpp $FLAGS && ./a.out",
    _compiled,
    cpp_comment,
    _lines(rf'std::cerr << "(?!refused)|{_ACCEPTED}'),
    _lines(rf", due |has no accumulator|{_ACCEPTED}"),
)
#: A command of this suite.
SHELL = ScriptLanguage(".sh", "sh {0}.sh", _shell)

#: Suffix of a script's file -> its language.
LANGUAGES: Mapping[str, ScriptLanguage] = {
    each.suffix: each for each in (PYTHON, JAVASCRIPT, CPP, SHELL)
}
