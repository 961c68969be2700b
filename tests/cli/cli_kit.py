"""Runs the command, and small ports for it.

`cli` runs the command in this process; ports are child processes all the same.
`command` is for what only a process of its own shows.  A `QUICK` run plays a handful of
scenarios.
"""

from __future__ import annotations

import subprocess
import sys

from click.testing import CliRunner

from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.cli.main import main
from adagrad_conformance.reports.stream import read_stream
from adagrad_reference.scenario_json import scenario_from_json

QUICK = ["--only", "algorithm/update/*", "--fresh", "0", "--seed", "1"]
HOST = f"exec:{sys.executable} -m adagrad_conformance.host"
PATIENCE = 60  # seconds; only a failure waits so long


class KnownLibrary(Library):
    """The shipped vectors, read once."""

    def scenarios(self):
        return iter(SCENARIOS)


SHIPPED = Library.read()
SCENARIOS = [scenario_from_json(data) for data in SHIPPED.raw.values()]
KNOWN = KnownLibrary(SHIPPED.raw, SHIPPED.digest)


def cli(*args, env=None):
    """Run the command here; an exception that reaches the user is an error."""
    result = CliRunner().invoke(main, [str(arg) for arg in args], env=env)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def command(*args, **options):
    """Run the command as a process."""
    line = [sys.executable, "-m", "adagrad_conformance", *map(str, args)]
    return subprocess.run(
        line, capture_output=True, text=True, timeout=PATIENCE, check=False, **options
    )


def complains(result, code, *words):
    """One line for the user, with these words, and nothing else."""
    assert result.exit_code == code, result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    for word in words:
        assert str(word) in lines[0]


def target_problem(result_file, target):
    records = {r["target"]: r for r in read_stream(result_file).targets}
    return records[target].get("problem", "")


def header_of(path):
    return read_stream(path).header


def played(path):
    return [check["scenario"] for check in read_stream(path).checks]


PORTS = """
    from dataclasses import replace

    from adagrad_conformance.adapters.base import Adapter, Tensor
    from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter


    class Right(NumpyAdapter):
        name = "right"


    class Twice(NumpyAdapter):
        "Steps twice."

        def step(self, optimizer):
            super().step(optimizer)
            super().step(optimizer)


    class Rude(NumpyAdapter):
        "Shows other params than it was given: fails its smoke test."

        def read(self, optimizer):
            return {
                name: replace(r, theta=replace(r.theta, bits=(0,) * len(r.theta.bits)))
                for name, r in super().read(optimizer).items()
            }


    class Modest(NumpyAdapter):
        "Claims a format and nothing else."

        claims = frozenset({"binary64"})


    class Closed(NumpyAdapter):
        "Shows no state: it is held to the boxes."

        claims = NumpyAdapter.claims - {"state", "state-write"}

        def read(self, optimizer):
            return {
                name: replace(reading, state_sum=None, t=None)
                for name, reading in super().read(optimizer).items()
            }


    class Late(NumpyAdapter):
        "Well behaved until its first step."

        spoiled = None

        def begin(self, tensors):
            super().begin(tensors)
            self.stepped = False

        def step(self, optimizer):
            super().step(optimizer)
            self.stepped = True

        def read(self, optimizer):
            readings = super().read(optimizer)
            if not self.stepped:
                return readings
            return {name: self.spoil(r) for name, r in readings.items()}


    class WrongShape(Late):
        def spoil(self, reading):
            bits = reading.theta.bits
            flat = Tensor(reading.theta.format, (1, len(bits)), bits)
            return replace(reading, theta=flat)


    class WrongFormat(Late):
        def spoil(self, reading):
            other = "binary32" if reading.theta.format == "binary64" else "binary64"
            zeros = (0,) * reading.theta.size
            return replace(reading, theta=Tensor(other, reading.theta.shape, zeros))


    class WrongDtype(Late):
        "Its array has turned into integers."

        def spoil(self, reading):
            import numpy as np

            name = next(iter(self.params))
            self.params[name].data = self.params[name].data.astype(np.int32)
            return next(iter(super().read("A").values()))


    class NoCount(Late):
        def spoil(self, reading):
            return replace(reading, t=-1)


    class Exits(NumpyAdapter):
        def step(self, optimizer):
            import os

            os._exit(7)


    class Raises(NumpyAdapter):
        def __init__(self):
            raise LookupError("no licence key")


    class Needy(NumpyAdapter):
        def __init__(self, key):
            pass


    class Thing:
        pass
"""
