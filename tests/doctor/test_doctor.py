"""The doctor: honest ports are in order, and each breach is found and named.

A patient is the liars' honest port (tests/liars/process_liar.py) with one line of it
replaced, or one that lies at one moment.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from program_kit import EXAMPLE, NODE

from adagrad_conformance.adapters.base import CLAIMS
from adagrad_conformance.cli.main import main
from adagrad_conformance.doctor import Doctor, examine
from adagrad_conformance.doctor.advice import ADVICE
from adagrad_conformance.doctor.plan import VISITS
from adagrad_conformance.execution.status import REASONS
from adagrad_conformance.transport.errors import MAX_FAILURES
from adagrad_conformance.transport.targets import parse_target

LIAR = Path(__file__).parents[1] / "liars" / "process_liar.py"
NEVER = 60.0
SOON = 1.0


def examined(command, timeout=NEVER):
    steps = []
    examine(Doctor(tuple(command), timeout, None, steps.append))
    return steps


def patient(*changes, takes=("packed",), timeout=NEVER):
    """The steps of the honest port with each (old, new) text replaced."""
    script = LIAR.read_text()
    for old, new in changes:
        assert old in script
        script = script.replace(old, new)
    command = (sys.executable, "-c", script, "never", "exits", *takes)
    return examined(command, timeout)


def complaints(steps):
    return [(step.title, step.problem) for step in steps if step.problem]


# -- ports in order --------------------------------------------------------------------


@pytest.mark.parametrize("takes", [(), ("packed",), ("packed", "ahead")])
def test_the_honest_port_is_well(takes):
    # without "packed" its bits are lists, which it reads as well
    steps = patient(takes=takes)
    assert complaints(steps) == []
    assert len(steps) > 25


@pytest.mark.parametrize("name", ["numpy", "torch/single", "torch/fused"])
def test_registered_ports_are_well(name):
    if name != "numpy":
        pytest.importorskip("torch")
    assert complaints(examined(parse_target(name).command)) == []


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_javascript_example_is_well():
    assert complaints(examined((NODE, str(EXAMPLE / "port.mjs")))) == []


def test_every_claim_is_visited_or_shown_everywhere():
    """Formats, options, and what every read shows have no visit of their own."""
    visited = {visit.claim for visit in VISITS}
    rest = {"binary64", "binary32", "binary16", "bfloat16", "state", "gradients"}
    rest |= {"lr-decay", "initial-accumulator-value", "eps", "maximize"}
    rest |= {"master-weights"}  # what it adds to a read
    rest |= {"wide-state", "quantised-state", "extended-precision"}  # how it is judged
    rest |= {"pickle", "compile"}  # what native checks need
    rest |= {"flush-to-zero"}  # what is not asked of it then
    rest |= {"one-param", "needs-elements"}  # no visit has several, or one of size 0
    assert set(CLAIMS) - visited == rest & set(CLAIMS)


def test_there_is_advice_for_every_cause():
    assert set(ADVICE) == set(REASONS) - {"given-up"}


# -- ports with a fault ----------------------------------------------------------------

READ = 'return {"params": port.read()}'
SHOWN = "{name: %s for name, x in port.read().items()}"


def reading(text):
    return READ, 'return {"params": ' + SHOWN % text + "}"


WHO = '"version": "1"'
#: name -> (texts replaced, the title of the first wrong exchange, its problem)
PATIENTS = {
    "other protocol": ([('"protocol": 1', '"protocol": 2')], "start", "protocol"),
    "no name": ([('"name": "liar", ', "")], "start", "'name' is a required"),
    "version a number": ([(WHO, '"version": 1')], "start", "1 is not of type"),
    "unknown claim": ([('"eps", "state"', '"eps", "fly"')], "start", "unknown claims"),
    "unknown dialect": ([(WHO, f'{WHO}, "dialect": "x"')], "start", "unknown dialect"),
    "bad constants": ([(WHO, f'{WHO}, "constants": {{"eps": 1}}')], "start", "eps"),
    "no format": ([('["binary64", ', "[")], "claims", "no format"),
    "starts at no time": (
        [("def main():", "def main():\n    sys.exit('no licence')")],
        "start",
        "no licence",
    ),
    "a banner": ([("def main():", "def main():\n    print('v1', flush=True)")],
                 "start", "not a line of JSON: 'v1'"),
    "prints in a step": (
        [("    def step(self, gradients):", "    def step(self, gradients):\n"
          "        print('stepping', flush=True)")],
        "step, binary64",
        "not a line of JSON: 'stepping'",
    ),
    "numbers by decimals": (
        [("return struct.pack(f\">{len(values)}d\", *values).hex()",
          "return struct.pack(f\">{len(values)}d\", *(round(x, 300) for x in values))"
          ".hex()")],
        "read, binary64: every param as it was given",
        "theta of edges did not read back: element",
    ),
    "forgets the shape": (
        [('"shape": port.shapes[name]', '"shape": [1, *port.shapes[name]]')],
        "read, binary64: every param as it was given",
        "theta of",
    ),
    "no scalar": (
        [("def numbers(tensor):", "def numbers(tensor):\n"
          "    assert tensor.get('shape') != [], 'no scalars'")],
        "begin, binary64: shapes [6], [], [0], [2, 3]",
        "no scalars",
    ),
    "adds to an optimizer": (
        [("dict.fromkeys(self.params)", "dict.fromkeys(self.params); self.sums = {}"),
         ("members = [", "members = [*self.sums] + [")],
        "read: q alone",
        "read shows params",
    ),
    "keeps the first param": (
        [("self.params = {name: numbers(raw) for name, raw in tensors.items()}",
          "old = getattr(self, 'params', {})\n        self.params = {name: "
          "old.get(name) or numbers(raw) for name, raw in tensors.items()}")],
        "read: nothing from before",
        "shape [2] needs 2 elements",
    ),
    "shows no state": ([reading("{**x, 'sum': None}")],
                       "read, binary64: what a step leaves", "sum of"),
    "a master unclaimed": ([reading("{**x, 'master': x['sum']}")],
                           "read, binary64: every param as it was given", "a master"),
    "a count in words": ([reading("{**x, 't': 'one'}")],
                         "read, binary64: every param as it was given", "$.ok.params"),
    "closure never called": (
        [("said = ask(question[\"seq\"])", "said = {'loss': None, 'gradients': {}}")],
        "step with a closure",
        "the closure was not called",
    ),
    "closure without params": (
        [("params = {name: tensor(name, x) for name, x in port.params.items()}",
          "params = {}")],
        "step with a closure",
        "the closure was shown []",
    ),
    "closure with old params": (
        [("params = {name: tensor(name, x)",
          "params = {name: tensor(name, [0.0] * len(x))")],
        "step with a closure",
        "the closure's theta of p",
    ),
    "a step too few": ([('event["count"])}', 'event["count"] - 1)}')],
                       "steps: three in one event", "has not 3 steps"),
    "stubborn": ([('if question["op"] == "stop":\n            break', "")],
                 "the end after stop", "lives on"),
    "talks after stop": ([('if question["op"] == "stop":\n            break',
                           'if question["op"] == "stop":\n            print("bye")\n'
                           "            break")],
                         "the end after stop", "not a line of JSON: 'bye'"),
    "waits at the end": (
        [("    while line := sys.stdin.readline():",
          "    while line := sys.stdin.readline() or sleep():")],
        "the end of the input",
        "lives on",
    ),
    "counts by itself": (
        [('write({"seq": question["seq"], "ok": ok})',
          'write({"seq": (n := globals().get("n", 0) + 1), "ok": ok}); '
          'globals()["n"] = n')],
        "begin without params, with a key to be ignored",
        "not 1002",
    ),
    "strict about keys": (
        [('port.begin(question["tensors"])',
          'port.begin(question["tensors"]); assert len(question) == 3')],
        "begin without params, with a key to be ignored",
        "AssertionError",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PATIENTS)
def test_bad_manners_are_found_where_they_are(name):
    changes, title, said = PATIENTS[name]
    slow = "lives on" in said
    steps = patient(*changes, timeout=SOON if slow else NEVER)
    found = complaints(steps)
    assert found, "nothing was found"
    assert found[0][0] == title
    assert said in found[0][1]
    assert all(step.advice for step in steps if step.problem)


# -- claims that are not kept, one for each visit --------------------------------------

#: A line-by-line filter before the NumPy port that spoils one answer.
FILTER = """
import json, subprocess, sys
port = subprocess.Popen([sys.executable, "-m", "adagrad_conformance.host", "numpy"],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
saved = set()
for line in sys.stdin:
    question = json.loads(line)
    event = question.get("event", {})
    port.stdin.write(line)
    port.stdin.flush()
    while True:
        answer = json.loads(port.stdout.readline())
        if question["op"] == "start":
            answer["ok"]["takes"] = ["packed"]
        if "ask" not in answer:
            break
        print(json.dumps(answer), flush=True)
        port.stdin.write(sys.stdin.readline())
        port.stdin.flush()
    ok, seq = answer.get("ok"), answer["seq"]
    try:
        SPOIL
    except (KeyError, TypeError):
        pass
    print(json.dumps(answer), flush=True)
    if question["op"] == "stop":
        break
"""
SPOILS = {
    "refusals by a crash": (
        'if "refused" in answer: answer = {"seq": seq, "crashed": "no"}',
        "new with lr = -1",
        "should be refused, not crashed: no",
    ),
    "save": ('ok["saved"] = "?" * bool(ok["saved"])', "save", "'?' does not match"),
    "save without bytes": ('del ok["saved"]', "save", "'saved' is a required"),
    "load": (
        'if event["do"] == "load": answer = {"seq": seq, "refused": event["via"]}',
        "load, same-object",
        "not refused: same-object",
    ),
    "new-process": (
        'if "payload" in question: answer = {"seq": seq, "crashed": "KeyError: s"}',
        "load in the second process",
        "not crashed: KeyError: s",
    ),
    "set-state": (
        'for p in ok["params"].values(): p["t"] = min(p["t"], 1)',
        "read: what was written",
        "t of p is 1, not 7",
    ),
    "none-gradient": (
        'for p in ok["params"].values():\n'
        '            p["gradient"] = p["gradient"] or (p["t"] and p["theta"]) or None',
        "read",
        "gradient of p is a tensor, not null",
    ),
    "layout": (
        'for p in ok["params"].values(): p["storage"] = p["storage"][16:]',
        "read: the whole storage",
        "storage of p is not 9 elements",
    ),
    "guards": (
        'for p in ok["params"].values(): p["storage"] = "0" * 16 + p["storage"][16:]',
        "read: the whole storage",
        "not what its layout says",
    ),
    "complex": (
        'for p in ok["params"].values(): p["theta"]["complex"] and p["theta"].update('
        "complex=False)",
        "read: as it was given",
        "shape [2] needs 2 elements",
    ),
    "add-group": (
        'if event["do"] == "add-group": answer = {"seq": seq, "crashed": "no such"}',
        "add-group with q",
        "or do not claim 'add-group'",
    ),
    "zero-eps": (
        'if event["options"]["eps"]["bits"] == "0" * 16:\n'
        '            answer = {"seq": seq, "refused": "eps must be > 0"}',
        "new with eps = 0",
        "or do not claim 'zero-eps'",
    ),
    "begin refused": (
        'if "comment" in question: answer = {"seq": seq, "refused": "no"}',
        "begin without params, with a key to be ignored",
        "only events can be refused",
    ),
}


#: What a port may do by itself: a filter, the title of the step, and what is noted.
NOTED = {
    "refusals": (
        'if "refused" in answer: answer = {"seq": seq, "ok": {}}',
        "new with lr = -1",
        "in doubt: it is accepted; run judges a port, which claims 'refusals'",
    ),
    "closure": (
        'ok["loss"] = None',
        "step with a closure",
        "in doubt: there is no loss: run judges whether the step returns it",
    ),
}


@pytest.mark.parametrize("name", NOTED)
def test_what_a_port_does_by_itself_is_noted(name):
    spoil, title, said = NOTED[name]
    steps = examined((sys.executable, "-c", FILTER.replace("SPOIL", spoil)))
    assert not [step for step in steps if step.problem]
    assert [step.note for step in steps if step.title == title] == [said]


@pytest.mark.parametrize("name", SPOILS)
def test_claims_that_are_not_kept(name):
    spoil, title, said = SPOILS[name]
    steps = examined((sys.executable, "-c", FILTER.replace("SPOIL", spoil)))
    wrong = [step for step in steps if step.problem]
    assert wrong, "nothing was found"
    assert wrong[0].title == title
    assert said in f"{wrong[0].problem}: {wrong[0].advice}"


def test_the_filter_itself_does_no_harm():
    command = (sys.executable, "-c", FILTER.replace("SPOIL", "pass"))
    assert complaints(examined(command)) == []


# -- a port that breaks off ------------------------------------------------------------


def test_a_fault_costs_one_visit():
    """It dies in each closure; the visits after it are made all the same."""
    steps = patient(("said = ask(", "os._exit(3); said = ask("))
    assert [title for title, _ in complaints(steps)] == ["step with a closure"]
    titles = [step.title for step in steps]
    assert titles.index("start again") > titles.index("step with a closure")
    assert "steps: three in one event" in titles
    assert titles[-1] == "the end of the input"


def test_a_port_that_dies_of_everything_is_given_up():
    steps = patient(("port.begin(", "os._exit(3); port.begin("))
    found = complaints(steps)
    assert len(found) == MAX_FAILURES + 1
    assert found[-1][0] == "give up"


# -- the command -----------------------------------------------------------------------


def doctor(*arguments):
    return CliRunner().invoke(main, ["doctor", *arguments])


def target(name="never", lie="exits", *takes):
    return f"exec:{sys.executable} {LIAR} {name} {lie} {' '.join(takes)}"


def test_command_for_a_port_in_order():
    told = doctor(target())
    assert told.exit_code == 0
    lines = told.output.splitlines()
    assert lines[0].startswith("ok    start")
    assert "steps, all in order" in told.output
    assert lines[-1].startswith('next: adagrad-conformance run "exec:')
    assert max(map(len, lines[:20])) <= 110


def test_command_for_a_port_that_is_not(tmp_path):
    port = tmp_path / "port.py"
    port.write_text(LIAR.read_text().replace('"name": "liar", ', ""))
    told = doctor(f"exec:{sys.executable} {port} never exits")
    assert told.exit_code == 3
    assert "WRONG start" in told.output
    assert "what: $.ok: 'name' is a required property" in told.output
    assert "do: " in told.output
    assert "next: mend it" in told.output


def test_show_prints_whole_lines():
    told = doctor(target(), "--show")
    assert told.exit_code == 0
    sent = [line for line in told.output.splitlines() if line.startswith("      > ")]
    assert any(len(line) > 400 for line in sent)
    assert any(line.endswith('"op":"stop"}') for line in sent)


def test_a_command_that_does_not_exist():
    told = doctor("exec:no-such-command-anywhere")
    assert told.exit_code == 3
    assert "cannot start 'no-such-command-anywhere'" in told.output


@pytest.mark.parametrize("bad", ["nobody", "exec:", "exec:'"])
def test_wrong_usage(bad):
    told = doctor(bad)
    assert told.exit_code == 2
    assert "adagrad-conformance: " in told.output
