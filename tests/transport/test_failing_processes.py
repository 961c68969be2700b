"""Processes that cannot be started, or fail later: one exception, and nothing remains.

Whatever a process does, the client raises one exception whose message says what was
wrong, within the timeout.
"""

from __future__ import annotations

import fcntl
import os
import time

import pytest
from process_kit import (
    NEVER,
    SOON,
    is_gone,
    liar,
)

from adagrad_conformance.adapters.base import (
    Malformed,
)
from adagrad_conformance.transport import (
    child_process as child,
)
from adagrad_conformance.transport.errors import Crash, NotLoaded, Timeout
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_reference.scenario import (
    Tensor,
)

# -- processes that cannot be started ------------------------------------------------

BAD_STARTS = {
    "garbage": ("hear(); print('hello', flush=True)", "not a line of JSON: 'hello'"),
    "no object": ("hear(); print('[1]', flush=True)", r"no JSON object: '\[1\]'"),
    "not UTF-8": (r"hear(); os.write(1, b'\xff\xfe\n')", "not a line of JSON"),
    "a banner first": ("print('v1.0'); hear(); say(seq=1, ok=WHO)", "not a line.*v1.0"),
    "wrong seq": ("hear(); say(seq=7, ok=WHO)", "with seq 1, got 7"),
    "no seq": ("hear(); say(ok=WHO)", "with seq 1, got None"),
    "no answer in it": ("hear(); say(seq=1)", "no 'ok'"),
    "exits at once": ("raise SystemExit", r"ended \(exit code 0\)"),
    "exits with code 3": ("hear(); raise SystemExit(3)", r"ended \(exit code 3\)"),
    "killed": ("os.kill(os.getpid(), signal.SIGSEGV)", r"ended \(signal SIGSEGV\)"),
    "half a line": ("hear(); write('{\"seq\": 1'); raise SystemExit", "ended"),
    "other protocol": (
        "hear(); say(seq=1, ok={**WHO, 'protocol': 2})",
        "speaks protocol 2, this program speaks 1",
    ),
    "no protocol": ("hear(); say(seq=1, ok={})", "protocol None"),
    "unknown claim": (
        "hear(); say(seq=1, ok={**WHO, 'claims': ['binary64', 'flying']})",
        r"unknown claims \['flying'\]; known: binary64",
    ),
    "takes no list": ("hear(); say(seq=1, ok={**WHO, 'takes': 'x'})", "'takes' must"),
    "claims no list": ("hear(); say(seq=1, ok={**WHO, 'claims': 'x'})", "claims .list"),
    "no name": ("hear(); say(seq=1, ok={**WHO, 'name': None})", "needs name"),
    "refuses to start": ("hear(); say(seq=1, refused='not today')", "not today"),
    "cannot load": (
        "hear(); say(seq=1, crashed='no such module', loading=True); sys.exit(3)",
        "no such module",
    ),
}


@pytest.mark.parametrize("name", BAD_STARTS)
def test_not_loaded(name, pids):
    script, message = BAD_STARTS[name]
    candidate = liar("obey()", start=script)
    with pytest.raises(NotLoaded, match=message):
        candidate.start()
    assert not candidate.alive
    assert len(pids) == 1
    assert is_gone(pids[0])
    candidate.close()


@pytest.mark.parametrize("script", ["time.sleep(600)", "hear(); time.sleep(600)"])
def test_not_loaded_in_time(script, pids):
    with pytest.raises(NotLoaded, match=r"no answer within 0\.3 s"):
        liar("", start=script, timeout=SOON).start()
    assert is_gone(pids[0])


@pytest.mark.parametrize("command", ["no-such-command-anywhere", "/", ""])
def test_command_that_cannot_be_run(command):
    candidate = SubprocessClient((command,), NEVER)
    with pytest.raises(NotLoaded, match=f"cannot start '{command}'"):
        candidate.start()
    assert not candidate.alive
    candidate.close()


# -- processes that fail later ---------------------------------------------------------

TROUBLES = {
    "garbage": ("hear(); print('Segfault!')", Malformed, "JSON: 'Segfault!'"),
    "long garbage": ("hear(); print('x' * 9999)", Malformed, "JSON: 'x{80}'$"),
    "a number": ("hear(); print(3)", Malformed, "no JSON object: '3'"),
    "wrong seq": ("hear(); say(seq=1, ok={})", Malformed, "with seq 2, got 1"),
    "answers twice before": (
        "say(seq=1, ok=WHO); hear()",
        Malformed,
        "with seq 2, got 1, which was answered before|nobody asked for",
    ),
    "exits": ("raise SystemExit", Crash, r"the process ended \(exit code 0\)"),
    "exits 3": ("hear(); sys.exit(3)", Crash, r"the process ended \(exit code 3\)"),
    "aborts": ("hear(); os.abort()", Crash, r"the process ended \(signal SIGABRT\)"),
    "closes stdout": ("hear(); os.close(1); time.sleep(600)", Crash, "ended|closed"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_ends_the_process(name, started, pids):
    script, kind, message = TROUBLES[name]
    candidate = started(script)
    with pytest.raises(kind, match=message):
        candidate.begin({})
    assert not candidate.alive
    assert is_gone(pids[0])
    with pytest.raises(Crash, match="has ended"):
        candidate.begin({})


@pytest.mark.parametrize(
    "script",
    [
        "hear(); time.sleep(600)",
        "write('{\"seq\": 2'); time.sleep(600)",
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); hear(); time.sleep(600)",
    ],
)
def test_timeout(script, started, pids):
    candidate = started(script)
    candidate.timeout = SOON
    with pytest.raises(Timeout, match=r"within 0\.3 s"):
        candidate.begin({})
    assert not candidate.alive
    assert is_gone(pids[0])


def test_slow_drops_do_not_stretch_the_timeout(started):
    candidate = started("while True: write(' '); time.sleep(0.01)")
    candidate.timeout = SOON
    with pytest.raises(Timeout):
        candidate.begin({})


def test_a_process_that_never_reads_does_not_block_the_runner(started, pids):
    candidate = started("time.sleep(600)")
    candidate.timeout = SOON
    with pytest.raises(Timeout):
        candidate.begin({"p": Tensor("binary64", (100_000,), (0,) * 100_000)})
    assert is_gone(pids[0])


def test_line_without_end(started, monkeypatch, pids):
    monkeypatch.setattr(child, "MAX_LINE", 2**20)
    candidate = started("hear()\nwhile True: write('x' * 65536)")
    with pytest.raises(Malformed, match="a line of more than 1 MiB"):
        candidate.begin({})
    assert is_gone(pids[0])


def test_what_the_port_itself_started_ends_with_it(started, tmp_path):
    lock = tmp_path / "lock"
    holder = f"import fcntl, time; f = open({str(lock)!r}, 'w'); "
    holder += "fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); time.sleep(600)"
    candidate = started(f"""
        hear()
        child = subprocess.Popen([sys.executable, "-c", {holder!r}],
                                 stdout=subprocess.PIPE)
        child.stdout.readline()
        say(seq=2, ok={{}})
        hear()
        time.sleep(600)
    """)
    candidate.begin({})
    with lock.open() as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        candidate.timeout = SOON
        with pytest.raises(Timeout):
            candidate.begin({})
        give_up = time.monotonic() + NEVER
        while True:  # the kernel ends it in its own time
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                assert time.monotonic() < give_up
                time.sleep(0.01)


# -- ports that misbehave in less common ways -----------------------------------------


@pytest.mark.parametrize("content", ["", ", ask='closure', params={}"])
def test_answer_without_content_ends_the_process(started, content):
    candidate = started(f"hear(); say(seq=2{content}); obey()")
    with pytest.raises(Malformed, match=r"no 'ok'|asked for where there is none"):
        candidate.begin({})
    assert not candidate.alive


def test_json_nested_too_deeply(started):
    candidate = started(r"hear(); write('[' * 100_000 + '\n'); time.sleep(600)")
    with pytest.raises(Malformed):
        candidate.begin({})


def test_signal_without_a_name(started):
    candidate = started("hear(); os.kill(os.getpid(), 40)")
    with pytest.raises(Crash, match="signal 40"):
        candidate.begin({})


def test_last_words_before_the_question(started, tmp_path):
    candidate = started("say(seq=2, crashed='out of memory'); sys.exit(3)")
    os.waitid(os.P_PID, candidate.child.process.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(Crash, match="out of memory"):
        candidate.begin({})


def test_closed_standard_output_is_called_that(started):
    candidate = started("hear(); os.close(1); time.sleep(600)")
    with pytest.raises(Crash, match="closed its standard output"):
        candidate.begin({})


@pytest.mark.parametrize("digits", ["f" * 17, "-000000000000001", "3f", "0x0", "1_0"])
def test_digits_that_are_no_encoding(started, digits):
    candidate = started(f"""
        theta = {{"format": "binary64", "shape": [1], "bits": [{digits!r}]}}
        hear(); say(seq=2, ok={{"params": {{"p": {{"theta": theta}}}}}})
    """)
    with pytest.raises(Malformed):
        candidate.read("A")
