"""The limit on a port's data: it holds from the first moment, and beside threads."""

from __future__ import annotations

import ast
import json
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from process_kit import (
    NEVER,
    is_gone,
)

from adagrad_conformance.transport import (
    child_process as child,
)
from adagrad_conformance.transport.errors import Crash, NotLoaded

#: Shows its limit as the very first thing, and that of a process it starts at once.
SHOWS_LIMIT = (
    f"{sys.executable} -S -c 'import resource as r; "
    "print(r.getrlimit(r.RLIMIT_DATA), flush=True)'"
)
#: In bytes, both the soft and the hard one.
QUARTER_GIB = str((2**28, 2**28)).encode()
EATS = "eaten = bytearray(1 << 29)\nprint('had all')\n"


def limited_child(command, memory=0.25):
    return child.Child(command, memory)


def test_the_limit_holds_from_the_first_moment(pids):
    """Also for what a command forks before it does anything else."""
    shell = limited_child(("sh", "-c", f"{SHOWS_LIMIT} & wait; {SHOWS_LIMIT}"))
    assert [shell.line(NEVER) for _ in range(2)] == [QUARTER_GIB] * 2
    shell.kill()
    assert is_gone(pids[0])


def test_several_at_once_from_threads_beside_busy_ones(monkeypatch):
    """No Python runs in the fork, where a lock of another thread stays locked."""
    asked, popen = [], child.subprocess.Popen

    def remember(*args, **kwargs):
        asked.append(kwargs)
        return popen(*args, **kwargs)

    monkeypatch.setattr(child.subprocess, "Popen", remember)
    together = threading.Barrier(6)

    def run(script):
        together.wait()
        started = limited_child((sys.executable, "-S", "-c", script))
        try:
            return started.line(NEVER)
        except Crash as error:
            return error.reason
        finally:
            started.kill()

    shows = SHOWS_LIMIT.split("'")[1]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(run, [shows, EATS] * 9))
    assert found == [QUARTER_GIB, "out-of-memory"] * 9
    assert len(asked) == 18
    assert not any(options.get("preexec_fn") for options in asked)


def test_nothing_runs_between_fork_and_exec():
    package = Path(child.__file__).parents[1]
    for path in package.rglob("*.py"):
        words = {
            node.arg
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.keyword)
        }
        assert "preexec_fn" not in words, path


def test_a_limit_above_the_one_that_is_there(pids):
    """Which a process may not raise; a command limited twice shows it."""
    inner = f"""
        from adagrad_conformance.transport.child_process import Child
        started = Child(("sh", "-c", {SHOWS_LIMIT!r}), 4.0)
        print(started.line(60).decode(), flush=True)
        started.kill()
    """
    command = (sys.executable, "-c", textwrap.dedent(inner))
    outer = limited_child(command)
    assert outer.line(NEVER) == QUARTER_GIB
    outer.kill()


@pytest.mark.parametrize("command", ["no-such-command-anywhere", "/", ""])
def test_a_limited_command_that_cannot_be_run(command):
    with pytest.raises(NotLoaded, match=f"cannot start '{command}'"):
        limited_child((command,))


def test_words_of_a_limited_command_are_left_alone():
    words = ["a b", "$HOME", "'\"", "", "*", "\\n"]
    script = "import sys, json; print(json.dumps(sys.argv[1:]), flush=True)"
    started = limited_child((sys.executable, "-c", script, *words))
    assert json.loads(started.line(NEVER)) == words
    started.kill()
