"""Runs registered ports by the command, and reads what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.adapters.environment_table import ENVIRONMENTS
from adagrad_conformance.adapters.environments import BuildError

#: Environments that are made in seconds.
SMALL = ("small", "node-small")

#: What a reproducer must not end by: it would be at fault itself.
OWN_FAULTS = ("NameError", "SyntaxError", "ImportError", "ModuleNotFoundError")


def environment_of(port, build=False):
    """The environment of a port; skips the test, with a reason, where it lacks.

    Only small ones are played unless PORTS_WHOLE=1: the others take minutes.
    """
    environment = ENVIRONMENTS[PORTS[port].environment]
    if environment.name not in SMALL and not os.environ.get("PORTS_WHOLE"):
        pytest.skip(f"environment {environment.name} is large; PORTS_WHOLE=1 plays it")
    if not environment.is_built and build:
        try:
            environment.build()
        except BuildError as error:
            pytest.skip(f"environment {environment.name}: {error}")
    if not environment.is_built:
        name = environment.name
        pytest.skip(f"not built: 'adagrad-conformance ports build {name}' makes it")
    return environment


def run(target, folder: Path, *more):
    """The records of all checks that were played; `more` are options of `run`."""
    stream = folder / "run.jsonl"
    command = [sys.executable, "-m", "adagrad_conformance", "run", target]
    options = ["--seed", "1", "--json", str(stream), *map(str, more)]
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=1200, check=False
    )
    assert stream.is_file(), done.stdout + done.stderr
    records = [json.loads(line) for line in stream.read_text().splitlines()]
    checks = [r for r in records if r["record"] == "check"]
    played = [r for r in checks if r["status"] not in ("not-claimed", "skipped")]
    assert played, done.stdout + done.stderr
    return played


def failed(played: Iterable[dict], level="MUST"):
    """Requirement -> the first message, of all failures at a level."""
    found: dict[str, str] = {}
    for record in played:
        if record["status"] not in ("pass", "waived") and record["level"] == level:
            found.setdefault(record["requirement"], record["message"])
    return found


def run_reproducers(python: Path, folder: Path):
    """Each script -> the last line of its end, which must be that of an error."""
    ends = {}
    for script in sorted(folder.rglob("*.py")):
        text = script.read_text()
        if "adagrad_conformance" in text:  # the port has no words for this
            ends[script.stem] = ""
            continue
        done = subprocess.run(
            [python, script],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=folder,
        )
        assert done.returncode != 0, f"{script.name} does not fail:\n{text}"
        ends[script.stem] = done.stderr.strip().splitlines()[-1]
        assert not ends[script.stem].startswith(OWN_FAULTS), ends[script.stem]
    return ends
