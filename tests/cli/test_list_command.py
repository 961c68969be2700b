"""`list` and `vectors show`: they are complete, and end with their pipe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from cli_kit import PATIENCE, SHIPPED, cli, complains

from adagrad_conformance.adapters.registry import ADAPTERS
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.requirements.clauses import CLAUSES
from adagrad_conformance.requirements.table import REQUIREMENTS

# -- list, explain, show -------------------------------------------------------------


def test_a_list_ends_quietly_with_its_pipe():
    line = [sys.executable, "-m", "adagrad_conformance", "list", "scenarios"]
    ends = os.pipe()
    os.close(ends[0])
    ran = subprocess.run(line, stdout=ends[1], stderr=subprocess.PIPE, timeout=PATIENCE)
    os.close(ends[1])
    assert (ran.returncode, ran.stderr) == (-signal.SIGPIPE, b"")


def test_a_port_that_reads_no_more_cannot_end_who_has_listed(known):
    """Only while a list is printed does a closed pipe end the process."""
    before = signal.getsignal(signal.SIGPIPE)
    cli("list", "clauses")
    assert signal.getsignal(signal.SIGPIPE) == before


def test_lists_are_complete(known):
    assert cli("list", "candidates").output.split() == list(ADAPTERS)
    for what, table in (("requirements", REQUIREMENTS), ("clauses", CLAUSES)):
        lines = cli("list", what).output.splitlines()
        assert len(lines) == len(table)
        for line, name in zip(lines, table, strict=True):
            assert name in line.split()
    lines = cli("list", "scenarios").output.splitlines()
    assert [line.split()[1] for line in lines] == list(SHIPPED.raw)
    assert {line.split()[0] for line in lines} == {"MUST", "SHOULD", "MAY"}
    lines = cli("list", "checks").output.splitlines()
    assert [line.split()[2] for line in lines] == [c.id for c in known_checks(SHIPPED)]
    kinds = {line.split()[1] for line in lines}
    assert kinds == {"scenario", "relation", "adaptive", "native"}


def test_unknown_names(known):
    complains(cli("explain", "nothing"), 2, "'nothing'", "list scenarios")
    complains(cli("vectors", "show", "nothing"), 2, "'nothing'", "list scenarios")


def test_show_prints_the_vector(known):
    name = "maximize/ascends/binary16"
    assert json.loads(cli("vectors", "show", name).output) == SHIPPED.raw[name]
