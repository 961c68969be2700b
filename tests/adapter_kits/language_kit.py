"""What the tests of kits share: a new adapter, its building, and a talk with a port."""

from __future__ import annotations

import functools
import json
import shlex
import struct
import subprocess
import sys

import pytest
from click.testing import CliRunner
from program_kit import find_program

from adagrad_conformance.adapter_kits import LANGUAGES
from adagrad_conformance.cli.main import main

NEVER = 120  # seconds; only a failure waits so long

#: Flags beyond those of the README: a warning is an error.
STRICT = {"cpp": "-Werror -pedantic", "c": "-Werror -pedantic", "rust": "-D warnings"}


def program(language):
    """The compiler or interpreter of a language; a test without it is skipped."""
    name = {"javascript": "node", "python": sys.executable}.get(language)
    name = name or shlex.split(LANGUAGES[language].build)[0]
    found = find_program(name)
    if found is None or not answers(found):
        pytest.skip(f"{name} is not installed")
    return found


@functools.cache
def answers(found):
    """rustup's stand-in for a compiler is found where there is no compiler, too."""
    return subprocess.run([found, "--version"], capture_output=True).returncode == 0


def cli(*args):
    """Run the command here."""
    return CliRunner().invoke(main, [str(arg) for arg in args])


def new_adapter(language, folder):
    """Write the adapter of a language."""
    done = cli("new-adapter", "--language", language, folder)
    assert done.exit_code == 0, done.output
    return folder


def build(language, folder, optimize=True):
    """Build what is in the folder by the README's command; how to run it: a target.

    Compilers are quicker where they need not optimize.
    """
    first = program(language)
    if command := LANGUAGES[language].build:
        words = shlex.split(f"{command} {STRICT[language]}")[1:]
        line = [first, *(w for w in words if optimize or not w.startswith("-O"))]
        made = subprocess.run(line, cwd=folder, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        assert not made.stderr, "the compiler says something"
    if language == "javascript":
        return f"exec:{shlex.join([first, str(folder / 'adapter.mjs')])}"
    if language == "python":
        return f"{folder / 'adapter.py'}:Adapter"
    return f"exec:{shlex.quote(str(folder / 'adapter'))}"


def talk(command, questions, cwd=None):
    """All answers to questions, which get their numbers here."""
    lines = [json.dumps({"seq": n, **q}) for n, q in enumerate(questions, 1)]
    done = subprocess.run(
        command,
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=NEVER,
        cwd=cwd,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["seq"] for a in answers if "ask" not in a] == list(
        range(1, len(questions) + 1)
    ), done.stderr
    return answers, done.stderr


# -- questions -------------------------------------------------------------------------

START = {"op": "start", "protocol": 1}


def number(x):
    """An option on the wire."""
    return {"bits": struct.pack(">d", x).hex()}


def numbers(*values, fmt="binary64", shape=None):
    """A tensor on the wire."""
    code = {"binary64": ">d", "binary32": ">f", "binary16": ">e"}[fmt]
    bits = [struct.pack(code, x).hex() for x in values]
    return {"format": fmt, "shape": shape or [len(values)], "bits": bits}


def begin(**tensors):
    """Hold these params."""
    return {"op": "begin", "tensors": tensors}


def event(do, **words):
    """An event of the optimizer A."""
    return {"op": "event", "event": {"do": do, "optimizer": "A", **words}}


def new(*params, **options):
    """A new optimizer A with one group."""
    return event("new", groups=[{"params": params, "options": {}}], options=options)


def step(**gradients):
    """A step with these gradients."""
    return event("step", gradients=gradients)


READ = {"op": "read", "optimizer": "A"}
