"""The protocol's schema: real conversations keep it, and each of its rules is needed.

A message of every kind is valid, and for each rule there is one that it alone rejects:
the schema without that rule lets it pass.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from jsonschema import Draft202012Validator
from program_kit import EXAMPLE, NODE
from schema_kit import SchemaTest, rule_ids

from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.doctor import Doctor, examine
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.transport import child_process
from adagrad_conformance.transport.schema import protocol_schema, schema_problem
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import parse_target

SCHEMA = protocol_schema()
PORTS = {
    "numpy": parse_target("numpy").command,
    "javascript": (NODE, str(EXAMPLE / "port.mjs")),
}

# -- real conversations ----------------------------------------------------------------


@dataclass
class Tee:
    """Every line of every conversation, with the kind that it must be of."""

    lines: list[tuple[str, dict]] = field(default_factory=list)
    kinds: dict[int, str] = field(default_factory=dict)

    def sent(self, message):
        message = json.loads(json.dumps(message))
        if "answer" in message:
            self.lines.append(("closure-answer", message))
            return
        self.lines.append(("question", message))
        do = message.get("event", {}).get("do")
        kind = do if do in ("save", "steps") else message["op"]
        self.kinds[message["seq"]] = f"{kind}-answer"

    def came(self, line):
        message = json.loads(line)
        kind = "closure-ask" if "ask" in message else self.kinds[message["seq"]]
        self.lines.append((kind, message))


@pytest.fixture
def tee(monkeypatch):
    found = Tee()
    put, line = child_process.Child.put, child_process.Child.line

    def putting(self, message):
        found.sent(message)
        put(self, message)

    def reading(self, *args):
        text = line(self, *args)
        found.came(text)
        return text

    monkeypatch.setattr(child_process.Child, "put", putting)
    monkeypatch.setattr(child_process.Child, "line", reading)
    return found


@pytest.mark.parametrize(
    "name",
    [
        "numpy",
        pytest.param(
            "javascript",
            marks=pytest.mark.skipif(NODE is None, reason="node is not installed"),
        ),
    ],
)
def test_real_conversations_keep_the_schema(name, tee):
    """The doctor's questions, and a part of the suite's."""
    told = []
    examine(Doctor(PORTS[name], 60.0, None, told.append))
    assert [step for step in told if step.problem] == []
    candidate = SubprocessClient(PORTS[name], 60.0)
    identity = candidate.start()
    chosen = list(Library.read().scenarios())[::9]
    seen = list(observe(candidate, identity, chosen))
    candidate.close()
    assert {x.status for x in seen} <= {None, "not-claimed"}
    for kind, message in tee.lines:
        assert schema_problem(message, kind) is None, (kind, message)
        assert schema_problem(message) is None, message
    kinds = {kind for kind, _ in tee.lines}
    every = {f"{kind}-answer" for kind in ("start", "begin", "read", "event", "stop")}
    assert kinds >= every | {"save-answer", "steps-answer", "closure-ask"}
    done = {m["event"]["do"] for k, m in tee.lines if k == "question" and "event" in m}
    assert done == set(SCHEMA["$defs"]["event"]["properties"]["do"]["enum"])


def test_a_native_check_keeps_the_schema(tee):
    pytest.importorskip("torch")
    candidate = SubprocessClient(parse_target("torch/single").command, 60.0)
    candidate.start()
    candidate.native("torch/strided-sum")
    candidate.close()
    answers = [m for kind, m in tee.lines if kind == "check-answer"]
    assert [schema_problem(m, "check-answer") for m in answers] == [None]
    assert answers[0]["ok"]["steps"]


# -- every kind of message -------------------------------------------------------------

NUMBER = {"bits": "3fb999999999999a", "decimal": "0.1"}
WIDE = {"format": "binary64", "shape": [2], "bits": ["0" * 16] * 2}
SINGLE = {"format": "binary32", "shape": [2], "bits": ["0" * 8] * 2}
HALF = {"format": "binary16", "shape": [2], "bits": ["0" * 4] * 2}
BRAIN = {"format": "bfloat16", "shape": [2], "bits": "0" * 8}
PAIRS = {**SINGLE, "complex": True, "bits": "0" * 32}
LAYOUT = {"length": 5, "offset": 1, "strides": [2], "guard": "7fc00001"}
VIEW = {**SINGLE, "layout": LAYOUT}
ROWS = {"shape": [5], "indices": [3, 3], "values": WIDE}
GROUP = {"params": ["p"], "options": {"lr": NUMBER, "maximize": True}}
READING = {
    **{"theta": HALF, "gradient": HALF, "sum": SINGLE, "t": 3, "master": SINGLE},
    "storage": "0" * 8,
}
EVENT = {"optimizer": "A"}


def event(do, **more):
    data = {"do": do, "optimizer": "A", **more}
    return {"seq": 3, "op": "event", "event": data, "payload": "AP8="}


def ok(**content):
    return {"seq": 3, "ok": content}


def trace(name, digits):
    text = "0" * digits
    return {"format": name, "theta": text, "sum": text, "t": [1]}


TAKEN = {
    **{"t": 1, "options": {"lr": NUMBER}},
    **dict.fromkeys(("theta", "state_sum", "gradient", "new_theta", "new_sum"), WIDE),
}
START = {
    **{"protocol": 1, "name": "n", "version": "1", "language": "C"},
    **{"claims": ["binary64"], "dialect": "keras", "takes": ["ahead"]},
    "constants": {"eps": NUMBER},
}
GRADIENTS = {"p": WIDE, "q": None, "r": ROWS}

#: Kind -> messages of it.
VALID = {
    "question": [
        {"seq": 1, "op": "start", "protocol": 1},
        {
            "seq": 2,
            "op": "begin",
            "tensors": {
                **{"a": WIDE, "b": SINGLE, "c": HALF, "d": BRAIN, "e": PAIRS},
                "f": VIEW,
                "g": {**WIDE, "layout": {**LAYOUT, "guard": "7ff8" + "0" * 12}},
                "h": {**HALF, "layout": {**LAYOUT, "guard": "7e00"}},
                "i": {**BRAIN, "layout": {**LAYOUT, "guard": "7fc0"}},
            },
        },
        {"seq": 4, "op": "read", "optimizer": "A"},
        {"seq": 5, "op": "check", "name": "torch/entries"},
        {"seq": 6, "op": "stop"},
        event("new", groups=[GROUP], options={"lr": NUMBER}),
        event("step", gradients=GRADIENTS, closure=True),
        event("steps", cycle=[GRADIENTS], count=3),
        event("set-option", group=0, option="maximize", value=True),
        event("add-group", group=GROUP),
        event("zero-grad", set_to_none=True),
        event("state-dict"),
        event("save", name="s"),
        event("load", name="s", via="bytes"),
        event("set-state", param="p", sum=WIDE, t=7),
    ],
    "start-answer": [ok(**START)],
    "begin-answer": [ok(), {"seq": 1, "crashed": "x"}, {"seq": 1, "malformed": "x"}],
    "read-answer": [
        ok(params={"p": READING}),
        ok(
            params={"p": {"theta": WIDE, "sum": None, "t": None, "storage": ["0" * 16]}}
        ),
    ],
    "event-answer": [
        {"seq": 1, "refused": "no"},
        ok(loss=NUMBER, saved="AP8=", trace=None),
    ],
    "save-answer": [ok(saved="AP8="), {"seq": 1, "refused": "no"}],
    "steps-answer": [
        ok(
            trace={
                "a": trace("binary64", 32),
                "b": trace("binary32", 8),
                "c": trace("binary16", 4),
                "d": {**trace("bfloat16", 4), "t": None},
            }
        )
    ],
    "check-answer": [ok(problem=None, skipped="why", steps=[TAKEN]), ok()],
    "stop-answer": [ok()],
    "closure-ask": [{"seq": 3, "ask": "closure", "params": {"p": WIDE}}],
    "closure-answer": [
        {"seq": 3, "answer": {"gradients": GRADIENTS, "loss": NUMBER}},
    ],
}


for _message in tuple(VALID["question"]):
    VALID.setdefault(f"{_message['op']}-question", []).append(_message)


@pytest.mark.parametrize("kind", VALID)
def test_messages_of_every_kind(kind):
    for message in VALID[kind]:
        assert schema_problem(message, kind) is None
        assert schema_problem(message) is None
        assert schema_problem({**message, "mood": "good"}, kind) is None


#: What no single change makes of a valid message.
MORE = {
    **{kind: [3] for kind in ("closure-ask", "closure-answer")},
    **{kind: [3] for kind in VALID if kind.endswith("-question")},
    "begin-answer": [
        {"seq": 1, "ok": {}, "crashed": "x"},
        {"seq": 1, "refused": "no"},
        {"seq": 1, "ok": {}, "ask": "closure"},
        {"seq": 1, "crashed": 3},
        {"seq": 1},
        3,
    ],
    "start-answer": [{"seq": 1, "refused": "no"}, 3],
    "read-answer": [{"seq": 1, "refused": "no"}, 3],
    "check-answer": [{"seq": 1, "refused": "no"}, 3],
    "stop-answer": [{"seq": 1, "refused": "no"}, 3],
    "event-answer": [{"seq": 1, "refused": 3}, 3],
    "question": [
        {"seq": 1, "op": "begin", "tensors": {"p": {**VIEW, "complex": True}}}
    ],
}


TEST = SchemaTest(SCHEMA, VALID, MORE)
RULES = TEST.rules()


def test_every_definition_is_used_by_some_kind():
    assert not TEST.unused()


@pytest.mark.parametrize(("place", "entry"), RULES, ids=rule_ids(RULES))
def test_each_rule_rejects_something_alone(place, entry):
    assert TEST.is_needed(place, entry)


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)
