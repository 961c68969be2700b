"""The transport against processes that misbehave, each a few lines.

A liar answers `start` properly, unless told otherwise, and then does what its script
says.  Whatever it does, the runner's side gets one exception with a message that says
what was wrong, within the timeout, and nothing of the process remains.
"""

from __future__ import annotations

import ast
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from adagrad_conformance.adapters.base import (
    CLAIMS,
    ClosureAnswer,
    Malformed,
    Reading,
    Refused,
    Reply,
)
from adagrad_conformance.adapters.native.table import NATIVE
from adagrad_conformance.checks.kinds import NativeCheck
from adagrad_conformance.execution.runner import observe, play
from adagrad_conformance.transport import (
    child_process as child,
)
from adagrad_conformance.transport import (
    messages as wire,
)
from adagrad_conformance.transport import (
    pipeline,
)
from adagrad_conformance.transport import (
    server as host,
)
from adagrad_conformance.transport.client import Question
from adagrad_conformance.transport.errors import Crash, NotLoaded, Timeout
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_reference.scenario import (
    Group,
    Layout,
    Load,
    New,
    Save,
    Scenario,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)

HOST = (sys.executable, "-m", "adagrad_conformance.host", "numpy")
NEVER = 60.0  # a timeout that must not fire
SOON = 0.3  # a timeout that will fire, however fast the machine

MANNERS = """
import json, os, signal, subprocess, sys, time

WHO = {"protocol": 1, "name": "liar", "version": "1", "language": "Python",
       "claims": ["binary64"]}

def hear():
    line = sys.stdin.readline()
    if not line:
        raise SystemExit
    return json.loads(line)

def say(**message):
    print(json.dumps(message), flush=True)

def write(text):
    os.write(1, text.encode())

def obey():
    while True:
        say(seq=hear()["seq"], ok={})
"""
POLITE_START = "hear(); say(seq=1, ok=WHO)"


def liar(script, *, start=POLITE_START, timeout=NEVER):
    """A candidate, not yet started, that runs `start` and then `script`."""
    text = "\n".join([MANNERS, start, textwrap.dedent(script)])
    return SubprocessClient((sys.executable, "-c", text), timeout)


@pytest.fixture
def started():
    """Start candidates and close them afterwards."""
    candidates = []

    def start(script, **options):
        candidate = liar(script, **options)
        candidates.append(candidate)
        candidate.start()
        return candidate

    yield start
    for candidate in candidates:
        candidate.timeout = SOON  # whoever still lives may hang
        candidate.close()
        assert not candidate.alive


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def pids(monkeypatch):
    """The process numbers of everything that is started."""
    found = []
    popen = child.subprocess.Popen

    def remember(*args, **kwargs):
        made = popen(*args, **kwargs)
        found.append(made.pid)
        return made

    monkeypatch.setattr(child.subprocess, "Popen", remember)
    return found


PARAM = Tensor("binary64", (2,), (0, 0x3FF0000000000000))
MADE = New("A", (Group(("p",)),), {"lr": 0.5, "eps": 1e-3})


def no_closure(params):
    raise AssertionError("the closure was called")


# -- who cannot be started ---------------------------------------------------------

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


# -- who fails later -----------------------------------------------------------------

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


def test_who_never_reads_does_not_block_the_runner(started, pids):
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


# -- the limit on data -----------------------------------------------------------------

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


# -- what is odd and yet in order ----------------------------------------------------

HARMLESS = {
    "many writes": r"""
        for piece in ('{"se', 'q"', ': ', '2, "ok"', ': {}}', '\n'):
            write(piece)
            time.sleep(0.01)""",
    "spaces and carriage return": r"""write('  {"ok" : {} , "seq":2}  \r\n')""",
    "megabytes of noise": r"""
        for _ in range(2000):
            os.write(2, b'x' * 999 + b'\n' + bytes([255, 10]))
        say(seq=2, ok={})""",
    "noise without lines": "os.write(2, b'x' * 3_000_000); say(seq=2, ok={})",
    "closed standard error": "os.close(2); say(seq=2, ok={})",
    "what else the answer holds": "say(seq=2, ok={'mood': 'good'}, time=3)",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(name, started):
    script = "hear()\n" + textwrap.dedent(HARMLESS[name])
    candidate = started(f"{script}\nobey()")
    candidate.begin({})
    assert candidate.event(ZeroGrad("A", True), no_closure) == Reply()
    assert candidate.alive


def test_second_answer_in_one_write_is_no_answer_to_the_next(started):
    candidate = started(r"""
        hear()
        write('{"seq": 2, "ok": {}}\n{"seq": 2, "ok": {}}\n')
        obey()
    """)
    candidate.begin({})
    with pytest.raises(Malformed, match="a line that nobody asked for"):
        candidate.begin({})


@pytest.mark.parametrize(("answer", "kind"), [("crashed", Crash), ("refused", Refused)])
def test_answers_in_good_order_leave_the_process_alive(started, pids, answer, kind):
    candidate = started(f"hear(); say(seq=2, {answer}='  why so  '); obey()")
    with pytest.raises(kind, match="why so"):
        candidate.event(MADE, no_closure)
    assert candidate.alive
    candidate.begin({})
    assert len(pids) == 1


def test_what_is_sent(started, tmp_path):
    """The questions, as a port sees them; nothing tells what is expected."""
    heard = tmp_path / "heard"
    candidate = started(f"""
        log = open({str(heard)!r}, "w", buffering=1)
        while True:
            question = hear()
            print(json.dumps(question), file=log)
            ok = {{"params": {{}}}} if question["op"] == "read" else {{}}
            say(seq=question["seq"], ok=ok)
    """)
    candidate.begin({"p": PARAM})
    candidate.event(MADE, no_closure)
    candidate.event(Step("A", {"p": None}, loss=1.0), no_closure)
    candidate.event(Load("A", "s", "new-process"), no_closure, b"\x00\xff")
    candidate.read("A")
    candidate.close()
    begin, new, step, load, read, stop = map(json.loads, heard.read_text().splitlines())
    assert begin["tensors"]["p"]["bits"] == ["0" * 16, "3ff0000000000000"]
    assert new["event"]["do"] == "new"
    assert step["event"]["closure"] is True
    assert "loss" not in step["event"]
    assert step["event"]["gradients"] == {}
    assert load["payload"] == "AP8="
    assert read == {"seq": 6, "op": "read", "optimizer": "A"}
    assert stop == {"seq": 7, "op": "stop"}


# -- the closure ----------------------------------------------------------------------


def test_closure_is_answered_as_often_as_it_is_asked(started):
    candidate = started("""
        seq = hear()["seq"]
        for _ in range(3):
            say(seq=seq, ask="closure", params={})
            loss = hear()["answer"]["loss"]
        say(seq=seq, ok={"loss": loss})
    """)
    asked = []

    def ask(params):
        asked.append(params)
        return ClosureAnswer({"p": None}, float(len(asked)))

    assert candidate.event(Step("A", {}, loss=0.0), ask) == Reply(loss=3.0)
    assert asked == [{}] * 3


@pytest.mark.parametrize("params", ["3", "{'p': 3}", "{'p': {'format': 'octal'}}"])
def test_closure_with_params_that_are_none(started, params):
    candidate = started(f"hear(); say(seq=2, ask='closure', params={params}); obey()")
    with pytest.raises(Malformed):
        candidate.event(Step("A", {}, loss=0.0), no_closure)
    assert not candidate.alive


# -- answers with the wrong content ---------------------------------------------------

BAD_READS = {
    "no params": ("{}", "needs 'params'"),
    "params a list": ("{'params': []}", "needs 'params'"),
    "no theta": ("{'params': {'p': {}}}", "theta"),
    "t no number": ("{'params': {'p': {'theta': T, 't': '1'}}}", "a count"),
    "t a fraction": ("{'params': {'p': {'theta': T, 't': 1.5}}}", "a count"),
    "t true": ("{'params': {'p': {'theta': T, 't': True}}}", "a count"),
    "numbers for bits": ("{'params': {'p': {'theta': {**T, 'bits': [1, 2]}}}}", ""),
    "no hex": ("{'params': {'p': {'theta': {**T, 'bits': ['z', '0']}}}}", "'z'"),
    "too few": (
        "{'params': {'p': {'theta': {**T, 'bits': ['0' * 16]}}}}",
        "2 elements",
    ),
    "a format": ("{'params': {'p': {'theta': {**T, 'format': 'f8'}}}}", "'f8'"),
    "sum no tensor": ("{'params': {'p': {'theta': T, 'sum': 'x'}}}", "tensor"),
}


@pytest.mark.parametrize("name", BAD_READS)
def test_malformed_reading(name, started):
    content, message = BAD_READS[name]
    candidate = started(f"""
        T = {{"format": "binary64", "shape": [2], "bits": ["0" * 16] * 2}}
        hear(); say(seq=2, ok={content}); obey()
    """)
    with pytest.raises(Malformed, match=f"a read's answer.*{message}"):
        candidate.read("A")


@pytest.mark.parametrize("content", ["{'loss': 0.5}", "{'saved': '?'}", "[]", "None"])
def test_malformed_answer_to_an_event(started, content):
    candidate = started(f"hear(); say(seq=2, ok={content}); obey()")
    with pytest.raises(Malformed, match=r"an event's answer|'ok' must be an object"):
        candidate.event(Save("A", "s"), no_closure)


# -- many steps in one event -----------------------------------------------------------

RUN = Steps("A", ({"p": Tensor("binary64", (2,), (1, 2))},), 3)
TRACE = {"format": "binary64", "theta": "0" * 96, "sum": "0" * 96, "t": [1, 2, 3]}
BAD_TRACES = {
    "no trace": ({}, "show params None"),
    "no param": ({"trace": {}}, r"show params \[\], not \['p'\]"),
    "another param": ({"trace": {"q": TRACE}}, r"show params \['q'\]"),
    "no object": ({"trace": [TRACE]}, "an event's answer"),
    "a step too few": (
        {"trace": {"p": {**TRACE, "theta": "0" * 64}}},
        "trace of p has not 3 steps",
    ),
    "a step too many": (
        {"trace": {"p": {**TRACE, "sum": "0" * 128}}},
        "trace of p has not 3 steps",
    ),
    "half an encoding": ({"trace": {"p": {**TRACE, "sum": "0" * 95}}}, "hexadecimal"),
    "no hex": ({"trace": {"p": {**TRACE, "theta": "0" * 95 + "g"}}}, "hexadecimal"),
    "space": ({"trace": {"p": {**TRACE, "theta": "0" * 94 + "  "}}}, "hexadecimal"),
    "a list": ({"trace": {"p": {**TRACE, "sum": ["0" * 16] * 6}}}, "an event's answer"),
    "another format": (
        {"trace": {"p": {**TRACE, "format": "binary32"}}},
        "trace of p has not 3 steps",
    ),
    "no format": ({"trace": {"p": {**TRACE, "format": "octal"}}}, "octal"),
    "no sum": ({"trace": {"p": {k: TRACE[k] for k in ("format", "theta")}}}, "sum"),
    "a counter too few": (
        {"trace": {"p": {**TRACE, "t": [1, 2]}}},
        "trace of p has not 3 steps",
    ),
    "no counter": ({"trace": {"p": {**TRACE, "t": [1, 2, True]}}}, "list of counts"),
}
#: Answers everything and shows zeros; RUN is the answer to many steps.
RUNNER_PORT = """
    T = {"format": "binary64", "shape": [2], "bits": "0" * 32}
    while True:
        question = hear()
        ok = {"params": {"p": {"theta": T}}} if question["op"] == "read" else {}
        if question.get("event", {}).get("do") == "steps":
            heard = question["event"]
            ok = RUN
        say(seq=question["seq"], ok=ok)
"""


def played_run(started, answer):
    candidate = started(RUNNER_PORT.replace("RUN", repr(answer)))
    return play(candidate, Scenario("test/run", (), "MUST", {"p": PARAM}, (MADE, RUN)))


@pytest.mark.parametrize("name", BAD_TRACES)
def test_malformed_trace(name, started):
    answer, message = BAD_TRACES[name]
    seen = played_run(started, answer)
    assert seen.status == "malformed"
    assert re.search(message, seen.message)


@pytest.mark.parametrize("t", [[1, 2, 3], None])
def test_trace(started, t):
    digits = "".join(f"{i:016x}" for i in range(6))
    answer = {"trace": {"p": {**TRACE, "theta": digits, "t": t}}}
    seen = played_run(started, answer)
    assert seen.status is None, seen.message
    (trace,) = seen.events[1].trace.values()
    assert (trace.format, trace.theta) == ("binary64", tuple(range(6)))
    assert trace.state_sum == (0,) * 6
    assert trace.t == (None if t is None else (1, 2, 3))


def test_many_steps_as_they_are_sent(started):
    candidate = started("""
        question = hear()
        say(seq=2, refused=json.dumps(question["event"]))
    """)
    with pytest.raises(Refused) as told:
        candidate.event(RUN, no_closure)
    event = json.loads(str(told.value))
    assert (event["do"], event["count"]) == ("steps", 3)
    (gradients,) = event["cycle"]
    assert gradients["p"]["bits"] == [f"{i:016x}" for i in (1, 2)]


# -- native checks ---------------------------------------------------------------------

NUMBER = {"format": "binary64", "shape": [], "bits": "3ff8000000000000"}
TAKEN = {
    **dict.fromkeys(("theta", "state_sum", "gradient", "new_theta", "new_sum"), NUMBER),
    "t": 1,
    "options": {"lr": {"bits": "3fe0000000000000"}},
}
BAD_CHECKS = {
    "no object": "[]",
    "a number": "3",
    "problem a number": "{'problem': 3}",
    "skipped a flag": "{'skipped': True}",
    "steps a text": "{'steps': 'three'}",
    "step without theta": "{'steps': [{'t': 1, 'options': {}}]}",
    "step that counts wrongly": repr({"steps": [{**TAKEN, "t": 1.5}]}),
    "step without options": repr({"steps": [{**TAKEN, "options": {"lr": 0.5}}]}),
    "step of no format": repr({"steps": [{**TAKEN, "theta": {**NUMBER, "bits": ""}}]}),
}


@pytest.mark.parametrize("name", BAD_CHECKS)
def test_malformed_check(name, started):
    candidate = started(f"hear(); say(seq=2, ok={BAD_CHECKS[name]}); obey()")
    with pytest.raises(Malformed, match=r"a check's answer|'ok' must be an object"):
        candidate.native("torch/entries")


def test_check_is_asked_by_name_and_answered_whole(started):
    candidate = started(f"""
        question = hear()
        assert question == {{"seq": 2, "op": "check", "name": "torch/entries"}}
        say(seq=2, ok={{"problem": "odd", "skipped": None, "steps": [{TAKEN}]}})
    """)
    answer = candidate.native("torch/entries")
    assert (answer.problem, answer.skipped) == ("odd", None)
    (step,) = answer.steps
    assert (step.t, step.options) == (1, {"lr": 0.5})
    assert step.new_theta == Tensor("binary64", (), (0x3FF8000000000000,))


CHECK_TROUBLES = {
    "exits": ("sys.exit(3)", "crash", "exit code 3"),
    "crashes": ("say(seq=2, crashed='KeyError')", "crash", "KeyError"),
    "hangs": ("time.sleep(600)", "timeout", "no answer"),
    "is unknown": ("say(seq=2, malformed='no native check')", "malformed", "no native"),
    "refuses": ("say(seq=2, refused='not today')", "crash", "not today"),
}


@pytest.mark.parametrize("name", CHECK_TROUBLES)
def test_a_check_that_fails_costs_itself_alone(name, started):
    script, trouble, message = CHECK_TROUBLES[name]
    candidate = started(f"""
        question = hear()
        if question["op"] == "check":
            {script}
        else:
            say(seq=2, ok={{}})
        obey()
    """)
    if trouble == "timeout":
        candidate.timeout = SOON
    check = NativeCheck(NATIVE["torch/entries"])
    identity = Identity("liar", "1", "Python", frozenset(CLAIMS))
    empty = Scenario("test/empty", (), "MUST", {"p": PARAM}, ())
    checked, after = observe(candidate, identity, [check, empty])
    assert (checked.status, after.status) == (trouble, None)
    assert message in checked.message


def test_a_host_knows_no_other_check():
    candidate = SubprocessClient(HOST, NEVER)
    candidate.start()
    with pytest.raises(Malformed, match="no native check 'torch/none-such'"):
        candidate.native("torch/none-such")
    assert candidate.alive
    candidate.close()


# -- what tensors become on the wire ---------------------------------------------------

COMPLEX = Tensor("binary32", (2,), (1, 2, 3, 4), complex=True)
VIEW = Tensor("binary64", (2,), (5, 6), layout=Layout(7, 1, (2,), 0x7FF8))
ROWS = Sparse((4,), (3, 0, 3), Tensor("binary32", (3,), (1, 2, 3, 4, 5, 6), True))
EMPTY = Tensor("bfloat16", (0, 3), ())


def through_text(data):
    return json.loads(json.dumps(data))


@pytest.mark.parametrize("packed", [True, False])
def test_tensors_and_gradients_come_back(packed):
    tensors = {"c": COMPLEX, "v": VIEW, "e": EMPTY}
    sent = through_text(wire.tensors_to_wire(tensors, packed))
    assert isinstance(sent["c"]["bits"], str if packed else list)
    assert wire.tensors_from_wire(sent) == tensors
    gradients = {"c": ROWS, "v": VIEW, "e": None}
    for event in (Step("A", gradients), Steps("A", (gradients, {"e": EMPTY}), 5)):
        sent = through_text(wire.event_to_wire(event, None, packed))
        assert wire.event_from_wire(sent) == (event, False, None)
        assert "decimal" not in json.dumps(sent)
    answer = ClosureAnswer(gradients, 0.5)
    sent = through_text(wire.answer_to_wire(answer, packed))
    assert wire.answer_from_wire(sent) == answer


def test_readings_come_back():
    readings = {
        "c": Reading(COMPLEX, ROWS, COMPLEX, 7),
        "v": Reading(replace(VIEW, layout=None), None, None, None, tuple(range(7))),
    }
    sent = through_text(wire.readings_to_wire(readings))
    assert wire.readings_from_wire(sent) == readings
    sent["params"]["v"]["storage"] = [f"{i:016x}" for i in range(7)]
    assert wire.readings_from_wire(sent) == readings


PACKED = {"format": "binary32", "shape": [2], "bits": "0000000100000002"}
BAD_PACKS = {
    "a digit less": "000000010000000",
    "an encoding less": "00000001",
    "an encoding more": "000000010000000200000003",
    "no hex": "000000010000000g",
    "spaces": "00000001000000  ",
    "a space within": "0000000 1 0000002",
    "a sign": "00000001-0000002",
    "other digits": "0000000100000\u0660\u0661\u0662",
    "nothing": "",
}


@pytest.mark.parametrize("name", BAD_PACKS)
def test_packed_bits_that_are_none(name):
    assert wire.tensors_from_wire({"p": PACKED})["p"].bits == (1, 2)
    with pytest.raises(Malformed):
        wire.tensors_from_wire({"p": {**PACKED, "bits": BAD_PACKS[name]}})


@pytest.mark.parametrize("shape", [[2.0], [True, 2], ["2"], "2", None, [-2]])
def test_shapes_that_are_none(shape):
    """Also where the same tensor of a right shape was read before."""
    wire.tensors_from_wire({"p": {**PACKED, "shape": [1, 2]}})
    wire.tensors_from_wire({"p": PACKED})
    with pytest.raises(Malformed):
        wire.tensors_from_wire({"p": {**PACKED, "shape": shape}})


# -- questions sent ahead --------------------------------------------------------------

AHEAD = "hear(); say(seq=1, ok={**WHO, 'takes': ['ahead', 'packed']})"
STEP = Step("A", {"p": Tensor("binary64", (2,), (1, 2))})
STEPPED = Scenario("test/step", (), "MUST", {"p": PARAM}, (MADE, STEP))
READ_OK = {"params": {"p": {"theta": {**NUMBER, "shape": [2], "bits": "0" * 32}}}}


def test_questions_are_sent_before_the_former_are_answered(started):
    """The port answers nothing before it has heard the whole scenario."""
    candidate = started(
        f"""
        heard = [hear() for _ in range(5)]
        assert [q["op"] for q in heard] == ["begin", "event", "read", "event", "read"]
        for question in heard:
            ok = {READ_OK} if question["op"] == "read" else {{}}
            say(seq=question["seq"], ok=ok)
        obey()
    """,
        start=AHEAD,
    )
    seen = play(candidate, STEPPED)
    assert (seen.status, len(seen.events)) == (None, 2)
    candidate.begin({})


def test_nobody_else_is_sent_more_than_one(started):
    """Each read from the pipe gives one line, for nothing more is under way."""
    candidate = started(f"""
        while True:
            data = os.read(0, 1 << 16)
            assert data.count(b"\\n") == 1
            question = json.loads(data)
            ok = {READ_OK} if question["op"] == "read" else {{}}
            say(seq=question["seq"], ok=ok)
    """)
    for _ in range(20):
        assert play(candidate, STEPPED).status is None


def test_bits_are_packed_for_who_takes_them(started):
    candidate = started(
        """
        heard = [hear(), hear()]
        say(seq=2, ok={})
        say(seq=3, refused=json.dumps(heard))
    """,
        start=AHEAD,
    )
    tensors = {"p": PARAM}
    candidate.announce([Question("begin", tensors), Question("event", STEP)])
    candidate.begin(tensors)
    with pytest.raises(Refused) as told:
        candidate.event(STEP, no_closure)
    begin, step = json.loads(str(told.value))
    assert begin["tensors"]["p"]["bits"] == "0" * 16 + "3ff0000000000000"
    assert step["event"]["gradients"]["p"]["bits"] == f"{1:016x}{2:016x}"


#: Refuses the first event of a scenario, and then does what AFTER says.
SURPRISES = """
    while True:
        question = hear()
        if question["op"] == "event" and question["event"]["do"] == "new":
            say(seq=question["seq"], refused="no")
            question = hear()
            AFTER
        ok = {"params": {}} if question["op"] == "read" else {}
        say(seq=question["seq"], ok=ok)
"""
BEGUN = Scenario("test/begun", (), "MUST", {"p": PARAM}, ())


@pytest.mark.parametrize(
    "after", ["pass", "say(seq=question['seq'], crashed='lost'); question = hear()"]
)
def test_answers_after_a_surprise_mean_nothing(started, pids, after):
    candidate = started(SURPRISES.replace("AFTER", after), start=AHEAD)
    for _ in range(3):
        seen = play(candidate, STEPPED)
        assert (seen.status, seen.events[0].refusal) == (None, "no")
        assert len(seen.events) == 1
        assert play(candidate, BEGUN).status is None
    assert len(pids) == 1


@pytest.mark.parametrize(
    "after", ["sys.exit(3)", "write('garbage'); os.close(1)", "time.sleep(600)"]
)
def test_death_after_a_surprise_is_not_held_against_the_next(started, pids, after):
    candidate = started(SURPRISES.replace("AFTER", after), start=AHEAD)
    candidate.timeout = SOON if "sleep" in after else NEVER
    identity = Identity("liar", "1", "Python", frozenset({"binary64", "eps"}))
    first, second = observe(candidate, identity, [STEPPED, BEGUN])
    assert (first.status, first.events[0].refusal) == (None, "no")
    assert second.status is None
    assert len(pids) == 2


def test_time_is_counted_for_each_answer(started, monkeypatch):
    """Every look at the clock takes a second; no answer takes ten, all do."""
    clock = iter(range(10**6))
    for module in (child, pipeline):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock.__next__))
    candidate = started(
        f"""
        while True:
            question = hear()
            ok = {READ_OK} if question["op"] == "read" else {{}}
            say(seq=question["seq"], ok=ok)
    """,
        start=AHEAD,
        timeout=10,
    )
    events = (MADE, *[STEP] * 40)
    seen = play(candidate, Scenario("test/long", (), "MUST", {"p": PARAM}, events))
    assert (seen.status, len(seen.events)) == (None, 41)
    assert next(clock) > 80


def test_both_pipes_may_be_full_at_once(started):
    """Much more is sent and answered than pipes hold, while nobody stops to listen."""
    n = 40_000
    big = Tensor("binary64", (n,), (1,) * n)
    candidate = started(
        f"""
        T = {{"format": "binary64", "shape": [{n}], "bits": "0" * {16 * n}}}
        while True:
            question = hear()
            shown = {{"params": {{"p": {{"theta": T}}}}}}
            ok = shown if question["op"] == "read" else {{}}
            say(seq=question["seq"], ok=ok)
    """,
        start=AHEAD,
    )
    events = (MADE, *(Step("A", {"p": big}) for _ in range(4)))
    seen = play(candidate, Scenario("test/big", (), "MUST", {"p": big}, events))
    assert (seen.status, len(seen.events)) == (None, 5)


def test_host_answers_in_order_whatever_comes():
    """Questions in one piece, questions in pieces, and the end of the input."""
    questions = [{"seq": 1, "op": "start", "protocol": 1}]
    questions += [{"seq": i, "op": "begin", "tensors": {}} for i in range(2, 9)]
    text = "".join(json.dumps(question) + "\n" for question in questions).encode()
    port = subprocess.Popen(HOST, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for piece in (text[:90], text[90:100], text[100:]):
        port.stdin.write(piece)
        port.stdin.flush()
    answers, _ = port.communicate(timeout=NEVER)
    assert [json.loads(x)["seq"] for x in answers.splitlines()] == list(range(1, 9))
    assert port.returncode == 0


def test_answers_wait_for_company_but_not_long(monkeypatch):
    """The runner counts time for each answer; a slow step must not hold up others."""
    now = 0.0
    monkeypatch.setattr(host, "time", SimpleNamespace(monotonic=lambda: now))
    (in_read, in_write), (out_read, out_write) = os.pipe(), os.pipe()
    os.set_blocking(out_read, False)

    def sent():
        try:
            return os.read(out_read, 100)
        except BlockingIOError:
            return b""

    answers = host._Answers(out_write)
    lines = host._lines(in_read, answers)
    os.write(in_write, b"1\n2\n3\n4\n5")
    seen = []
    for duration in (0.0, 0.01, 40.0, 40.0):
        line = next(lines)
        now += duration
        answers.write(line)
        seen.append(sent())
    assert seen == [b"", b"", b"123", b"4"]
    os.write(in_write, b"6\n7\n")
    now += 1000.0  # time that passes in waiting is nobody's
    answers.write(next(lines))
    assert sent() == b""
    answers.write(next(lines))
    os.close(in_write)
    assert list(lines) == []
    assert sent() == b"567"


def test_launched_process_is_greeted_once(pids):
    candidate = liar("obey()")
    candidate.launch()
    (pid,) = pids
    assert candidate.start().name == "liar"
    assert candidate.child.process.pid == pid
    assert candidate.start().name == "liar"  # again: a new one
    assert len(pids) == 2
    assert is_gone(pid)
    candidate.close()


@pytest.mark.parametrize("policy", [None, "ACTIVE"])
def test_waiting_threads_give_way_unless_told_otherwise(started, monkeypatch, policy):
    """A step of two sparse rows costs 15 ms where they do not."""
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if policy:
        monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    candidate = started("hear(); say(seq=2, refused=os.environ['OMP_WAIT_POLICY'])")
    with pytest.raises(Refused, match=policy or "PASSIVE"):
        candidate.begin({})


def test_launch_of_what_cannot_be_run():
    candidate = SubprocessClient(("no-such-command-anywhere",), NEVER)
    for go in (candidate.launch, candidate.start):
        with pytest.raises(NotLoaded, match="cannot start"):
            go()


# -- through the runner ----------------------------------------------------------------


def test_a_failure_costs_one_scenario_and_no_more(started):
    """Dies in every second scenario; the others are played."""
    candidate = started("""
        while (question := hear())["op"] == "begin":
            say(seq=question["seq"], ok={})
        sys.exit(3)
    """)
    identity = replace(candidate.start(), claims=frozenset({"binary64", "eps"}))
    empty = Scenario("test/empty", (), "MUST", {"p": PARAM}, ())
    lethal = Scenario("test/lethal", (), "MUST", {"p": PARAM}, (MADE,))
    seen = list(observe(candidate, identity, [empty, lethal, empty, lethal, empty]))
    assert [x.status for x in seen] == [None, "crash", None, "crash", None]
    assert seen[1].message.startswith("the process ended (exit code 3)")


def test_a_port_that_always_fails_is_given_up(started):
    candidate = started("hear(); sys.exit(3)")
    identity = candidate.start()
    played = Scenario("test/any", (), "MUST", {"p": PARAM}, ())
    seen = list(observe(candidate, identity, [played] * 8))
    assert [x.status for x in seen] == ["crash"] * 5 + ["error"] * 3


def test_a_line_between_two_checks_is_held_against_neither(started, pids):
    candidate = started("""
        signal.signal(signal.SIGUSR1, lambda *_: write("good morning\\n"))
        obey()
    """)
    played = Scenario("test/any", (), "MUST", {"p": PARAM}, ())
    playing = observe(candidate, candidate.start(), [played] * 3)
    assert next(playing).status is None
    os.kill(candidate.child.process.pid, signal.SIGUSR1)
    while candidate.quiet:
        time.sleep(0.001)
    assert [seen.status for seen in playing] == [None, None]
    assert len(pids) == 3  # one of them for `started`


def test_timeout_through_the_runner(started):
    candidate = started("hear(); time.sleep(600)")
    candidate.timeout = SOON
    seen = play(candidate, Scenario("test/any", (), "MUST", {"p": PARAM}, ()))
    assert (seen.status, seen.message) == ("timeout", "no answer within 0.3 s")


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


def test_runner_survives_a_port_that_asks_without_a_closure(started):
    candidate = started("""
        hear(); say(seq=2, ok={})
        hear(); say(seq=3, ask="closure", params={})
        obey()
    """)
    seen = play(candidate, Scenario("test/any", (), "MUST", {"p": PARAM}, (MADE,)))
    assert seen.status == "malformed"


#: Answers everything; SAVE and NEW are put in the place of two answers.
SMALL_PORT = """
    T = {"format": "binary64", "shape": [2], "bits": ["0" * 16] * 2}
    while True:
        question = hear()
        event = question.get("event", {"do": None})
        answer = {"ok": {}}
        if question["op"] == "read":
            answer = {"ok": {"params": {"p": {"theta": T}}}}
        if event["do"] == "save":
            answer = SAVE
        if event["do"] == "new" and "maximize" in event["groups"][0]["options"]:
            answer = NEW
        say(seq=question["seq"], **answer)
"""
MOVED = Scenario(
    "test/moved",
    (),
    "MUST",
    {"p": PARAM},
    (MADE, Save("A", "s"), MADE, Load("A", "s", "new-process")),
)


def test_runner_survives_a_refused_save(started):
    refused = '{"refused": "no"}'
    port = SMALL_PORT.replace("SAVE", refused).replace("NEW", '{"ok": {}}')
    assert play(started(port), MOVED).events[1].refusal == "no"


def test_runner_moves_a_port_that_lacks_an_option(started):
    unknown = '{"refused": "unknown option maximize"}'
    port = SMALL_PORT.replace("SAVE", '{"ok": {"saved": ""}}').replace("NEW", unknown)
    assert play(started(port), MOVED).status is None
