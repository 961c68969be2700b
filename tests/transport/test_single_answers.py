"""One question and one answer: what is sent, what is harmless, what is malformed."""

from __future__ import annotations

import json
import textwrap

import pytest
from process_kit import (
    MADE,
    PARAM,
    no_closure,
)

from adagrad_conformance.adapters.base import (
    ClosureAnswer,
    Malformed,
    Refused,
    Reply,
)
from adagrad_conformance.transport.errors import Crash
from adagrad_reference.scenario import (
    Load,
    Save,
    Step,
    ZeroGrad,
)

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
    """The questions, as a port sees them; none has an expected value."""
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
