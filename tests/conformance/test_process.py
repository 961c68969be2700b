"""The transport against processes that misbehave, each a few lines.

A liar answers `start` properly, unless told otherwise, and then does what its script
says.  Whatever it does, the runner's side gets one exception with a message that says
what was wrong, within the timeout, and nothing of the process remains.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import textwrap
import time

import pytest

from adagrad_conformance import process
from adagrad_conformance.adapters.base import ClosureAnswer, Malformed, Refused, Reply
from adagrad_conformance.candidate import Crash, NotLoaded, Timeout
from adagrad_conformance.process import ProcessCandidate
from adagrad_conformance.runner import observe, play
from adagrad_reference.scenario import (
    Group,
    Load,
    New,
    Save,
    Scenario,
    Step,
    Tensor,
    ZeroGrad,
)

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
    return ProcessCandidate((sys.executable, "-c", text), timeout)


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
    popen = process.subprocess.Popen

    def remember(*args, **kwargs):
        made = popen(*args, **kwargs)
        found.append(made.pid)
        return made

    monkeypatch.setattr(process.subprocess, "Popen", remember)
    return found


PARAM = Tensor("binary64", (2,), (0, 0x3FF0000000000000))
MADE = New("A", (Group(("p",)),))


def no_closure(params):
    raise AssertionError("the closure was called")


# -- who cannot be started ---------------------------------------------------------

BAD_STARTS = {
    "garbage": ("hear(); print('hello', flush=True)", "not a line of JSON: 'hello'"),
    "no object": ("hear(); print('[1]', flush=True)", "expected an answer with seq 1"),
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
    candidate = ProcessCandidate((command,), NEVER)
    with pytest.raises(NotLoaded, match=f"cannot start '{command}'"):
        candidate.start()
    assert not candidate.alive
    candidate.close()


# -- who fails later -----------------------------------------------------------------

TROUBLES = {
    "garbage": ("hear(); print('Segfault!')", Malformed, "JSON: 'Segfault!'"),
    "long garbage": ("hear(); print('x' * 9999)", Malformed, "JSON: 'x{80}'$"),
    "a number": ("hear(); print(3)", Malformed, "with seq 2, got 3"),
    "wrong seq": ("hear(); say(seq=1, ok={})", Malformed, "with seq 2, got 1"),
    "answers twice before": (
        "say(seq=1, ok=WHO); hear()",
        Malformed,
        "with seq 2, got 1",
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
    with pytest.raises(Timeout, match=r"no answer within 0\.3 s"):
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
    monkeypatch.setattr(process, "MAX_LINE", 2**20)
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
    with pytest.raises(Malformed, match="expected an answer with seq 3, got 2"):
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
    with pytest.raises(Malformed, match="an event's answer"):
        candidate.event(Save("A", "s"), no_closure)


# -- through the runner ----------------------------------------------------------------


def test_a_failure_costs_one_scenario_and_no_more(started):
    """Dies in every second scenario; the others are played."""
    candidate = started("""
        hear(); say(seq=2, ok={})
        hear(); sys.exit(3)
    """)
    identity = candidate.start()
    empty = Scenario("test/empty", (), "MUST", {"p": PARAM}, ())
    lethal = Scenario("test/lethal", (), "MUST", {"p": PARAM}, (MADE,))
    seen = list(observe(candidate, identity, [empty, lethal, empty, lethal, empty]))
    assert [x.trouble for x in seen] == [None, "crash", None, "crash", None]
    assert seen[1].message.startswith("the process ended (exit code 3)")


def test_a_port_that_always_fails_is_given_up(started):
    candidate = started("hear(); sys.exit(3)")
    identity = candidate.start()
    played = Scenario("test/any", (), "MUST", {"p": PARAM}, ())
    seen = list(observe(candidate, identity, [played] * 8))
    assert [x.trouble for x in seen] == ["crash"] * 5 + ["error"] * 3


def test_timeout_through_the_runner(started):
    candidate = started("hear(); time.sleep(600)")
    candidate.timeout = SOON
    seen = play(candidate, Scenario("test/any", (), "MUST", {"p": PARAM}, ()))
    assert (seen.trouble, seen.message) == ("timeout", "no answer within 0.3 s")


# -- ports that misbehave in less common ways -----------------------------------------


@pytest.mark.parametrize("content", ["", ", ask='closure', params={}"])
def test_answer_without_content_ends_the_process(started, content):
    candidate = started(f"hear(); say(seq=2{content}); obey()")
    with pytest.raises(Malformed, match="no 'ok'"):
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
    os.waitid(os.P_PID, candidate.process.pid, os.WEXITED | os.WNOWAIT)
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
    assert seen.trouble == "malformed"


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
    assert play(started(port), MOVED).trouble is None
