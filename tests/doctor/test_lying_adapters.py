"""Adapters that lie by accident are found and blamed; right ones are spared.

Each lie of lying_adapters.py is found by `doctor` and by `run`, with the same words.
An adapter that hands on all that it is given is not blamed for what its port does.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import lying_adapters
import pytest
import tiny_port
from test_doctor import complaints, examined

from adagrad_conformance import evaluate
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.doctor.harness import harness_doubt
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import parse_target

FILE = Path(lying_adapters.__file__)
TITLE = "options, state and shapes"


def line(text):
    """The number of the line in lying_adapters.py that holds the text."""
    lines = FILE.read_text().splitlines()
    (found,) = [i for i, each in enumerate(lines, 1) if text in each]
    return f"lying_adapters.py, line {found}"


def method(name):
    """The place of a method, as the messages have it."""
    owner, _, function = name.partition(".")
    code = getattr(getattr(lying_adapters, owner), function).__code__
    return f"{function} in lying_adapters.py, line {code.co_firstlineno}"


COPY = "though theta moves by the right one: it is a copy"
NEVER = "has no effect: it never reaches the port"
TRANSPOSED = "are in another order, as of a matrix that is transposed"

#: adapter -> (what it does wrong, where)
LIES = {
    "RoundsTheRate": (
        "lr arrives rounded to binary32: 0.7123456597328186 for 0.7123456789012345",
        f"look at {line('lr=rate, **options)')}, which hands on 0.7123456597328186: "
        "hand it on as it is",
    ),
    "PrintsTheRate": (
        "lr arrives rounded to 6 digits: 0.712346 for 0.7123456789012345",
        f"look at {line('(params, rate, **options)')}, which hands on 0.712346: hand "
        "it on as it is",
    ),
    "RoundsEps": (
        "eps arrives rounded to 3 digits: 0.332 for 0.3323456789012345",
        f"look at {line('# eps')}, which hands on 0.332: hand it on as it is",
    ),
    "RoundsTheDecay": (
        "weight_decay arrives rounded to binary16: 0.1512451171875 for "
        "0.1512345678901234",
        f"look at {line('# weight_decay')}, which hands on 0.1512451171875: hand it on "
        "as it is",
    ),
    "RoundsLaterRates": (
        "lr arrives rounded to 4 digits: 0.4235 for 0.4234567890123457",
        f"look at {method('RoundsLaterRates.set_one')}: hand it on as it is",
    ),
    "RoundsLaterRatesOnTheWay": (
        "lr arrives rounded to 4 digits: 0.4235 for 0.4234567890123457",
        f"look at {line('port.change(')}, which hands on 0.4235: hand it on as it is",
    ),
    "ForgetsTheDecay": (
        f"weight_decay {NEVER}",
        f"look at {line('# no weight_decay')}, where weight_decay is missing",
    ),
    "ForgetsTheRate": (
        f"lr {NEVER}",
        f"look at {line('lr=0.01')}, where lr is missing",
    ),
    "NeverChanges": (
        f"a change of lr {NEVER}",
        f"look at {method('NeverChanges.set_one')}",
    ),
    "NeverChangesTheRate": (
        f"a change of lr {NEVER}",
        f"look at {method('NeverChanges.set_one')}",
    ),
    "ShowsTheFirstSum": (
        f"the accumulator that is shown does not follow the steps, {COPY}",
        f"look at {method('ShowsTheFirstSum.accumulator')}: show what the port holds, "
        "anew at each read",
    ),
    "ShowsTheLastSum": (
        f"the accumulator that is shown is always one step behind, {COPY}",
        f"look at {method('ShowsTheLastSum.accumulator')}: show what the port holds, "
        "anew at each read",
    ),
    "WritesIntoACopy": (
        "the accumulator that set-state writes is a copy: it is read back, and the "
        "port steps by its own",
        f"look at {method('WritesIntoACopy.write')}: write into what the port holds",
    ),
    "Ravels": (
        "theta of p is shown in shape [6], not [2, 3]",
        f"look at {method('Ravels.show')}: keep the shape that was given",
    ),
    "RavelsTheSum": (
        "the accumulator of p is shown in shape [6], not [2, 3]",
        f"look at {method('RavelsTheSum.accumulator')}: keep the shape that was given",
    ),
    "TransposesTheGradient": (
        f"the elements of the gradient {TRANSPOSED}",
        f"look at {method('TransposesTheGradient.give')}: keep the shape, row by row",
    ),
    "TransposesTheSum": (
        f"the elements of the accumulator {TRANSPOSED}",
        f"look at {method('TransposesTheSum.accumulator')}: keep the shape, row by row",
    ),
}
#: What may be the port's doing is said, and the port is judged.
DOUBTS = {
    "LosesWhatMoved": (
        "theta of p never moves, though the accumulator does: it may be a copy",
        f"look at {method('LosesWhatMoved.update')}: does the port step what is shown, "
        "and is what it returns kept? If so, the port itself is judged for it",
    ),
}
RIGHT = ["Right"]
BEFORE_WRONG_PORTS = [n for n in vars(lying_adapters) if n.startswith("Before")]


def target(name):
    return f"{FILE}:{name}"


def doubted(command):
    client = SubprocessClient(tuple(command), 60.0)
    try:
        return harness_doubt(client, client.start())
    finally:
        client.close()


def test_every_adapter_is_expected_to_do_something():
    classes = {n for n, x in vars(lying_adapters).items() if inspect.isclass(x)}
    named = {*LIES, *DOUBTS, *RIGHT, *BEFORE_WRONG_PORTS}
    assert classes - {"ArrayAdapter"} == named
    assert len(BEFORE_WRONG_PORTS) > 5


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found_and_the_adapter_blamed(name):
    found = doubted(parse_target(target(name)).command)
    assert found.certain
    assert (found.problem, found.advice) == LIES[name]


@pytest.mark.parametrize("name", DOUBTS)
def test_what_may_be_the_port_s_doing_is_a_doubt(name):
    found = doubted(parse_target(target(name)).command)
    assert not found.certain
    assert (found.problem, found.advice) == DOUBTS[name]


@pytest.mark.parametrize("name", [*RIGHT, *BEFORE_WRONG_PORTS])
def test_a_right_adapter_is_spared(name):
    assert doubted(parse_target(target(name)).command) is None


@pytest.mark.parametrize("name", ["RoundsTheRate", "ForgetsTheDecay", "Ravels"])
def test_run_says_whose_fault_it_is_and_judges_nothing(name):
    result = evaluate(target(name), level="must", quick=True, fresh=0)
    problem, advice = LIES[name]
    assert result.problem == f"the adapter is at fault: {problem}; {advice}"
    assert result.exit_code() == 3
    assert result.verdicts == []


def test_run_judges_a_port_in_doubt_and_says_so():
    only = "algorithm/update"
    result = evaluate(target("LosesWhatMoved"), only=only, level="must", fresh=0)
    assert result.doubt == "; ".join(DOUBTS["LosesWhatMoved"])
    assert result.failures
    assert f"  in doubt: {result.doubt}" in str(result).splitlines()


@pytest.mark.parametrize("name", ["RoundsTheRate", "ForgetsTheDecay"])
def test_the_doctor_says_the_same(name):
    steps = examined(parse_target(target(name)).command)
    wrong = [step for step in steps if step.problem]
    assert [(step.title, step.problem, step.advice) for step in wrong] == [
        (TITLE, *LIES[name])
    ]


# -- what a port does is not its adapter's fault ---------------------------------------

NOTES = {
    "BeforeZeros": "zeros stand where p has no gradient",
    "BeforeOverwriting": "the gradient of edges is overwritten",
    "BeforeLettingGo": "the gradient of edges is gone",
}


@pytest.mark.parametrize("name", NOTES)
def test_the_doctor_notes_what_the_port_does(name):
    steps = examined(parse_target(target(name)).command)
    assert complaints(steps) == []
    notes = [step.note for step in steps if step.note]
    assert notes[0] == f"{NOTES[name]}: the port's own doing, which run judges"


@pytest.mark.parametrize("name", NOTES)
def test_run_judges_it(name):
    only = "none-vs-zero/none-skips" if name == "BeforeZeros" else "gradients/*"
    only = only if name == "BeforeZeros" else None
    result = evaluate(target(name), only=only, level="must", quick=True, fresh=0)
    assert result.problem is None
    assert result.failures


# -- ports that cannot be looked into --------------------------------------------------

#: A filter before an adapter of lying_adapters.py: the server cannot be looked into.
OPAQUE = """
import subprocess, sys
port = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        text=True)
for line in sys.stdin:
    port.stdin.write(line)
    port.stdin.flush()
    print(port.stdout.readline(), end="", flush=True)
"""


def behind_a_wall(name):
    command = parse_target(target(name)).command
    python, bootstrap, *rest = command
    start = f"import runpy, sys; sys.argv = sys.argv[1:]; sys.path[0] = ''; \
runpy.run_path({bootstrap!r}, run_name='__main__')"
    return (python, "-c", OPAQUE, python, "-c", start, bootstrap + "?", *rest)


AT_HAND = (
    "look at where the adapter hands {} on; if it does, as it is, the port itself \
is judged for it"
)
READS = "look at where the adapter reads {}: carry the bits, never go through decimals"
WALLED = {
    "RoundsTheRate": (False, AT_HAND.format("lr")),
    "BeforeNarrowRate": (False, AT_HAND.format("lr")),
    "PrintsTheRate": (True, READS.format("lr")),
    "ForgetsTheDecay": (False, AT_HAND.format("weight_decay")),
    "NeverChanges": (False, AT_HAND.format("lr")),
    "ShowsTheFirstSum": (
        True,
        "look at the adapter: show what the port holds, anew at \
each read",
    ),
}


@pytest.mark.parametrize("name", WALLED)
def test_blind_only_what_no_port_does_is_certain(name):
    found = doubted(behind_a_wall(name))
    assert (found.certain, found.advice) == WALLED[name]


def test_blind_a_right_adapter_is_spared():
    assert doubted(behind_a_wall("Right")) is None


# -- other bases -----------------------------------------------------------------------


class Rounds(NumpyAdapter):
    def make_optimizer(self, params, options):
        options = {name: round(value, 4) for name, value in options.items()}
        return super().make_optimizer(params, options)


def in_process(adapter):
    client = InProcessClient(adapter)
    return harness_doubt(client, client.start())


def test_an_adapter_in_this_process_is_looked_into():
    assert in_process(NumpyAdapter) is None
    found = in_process(Rounds)
    assert found.certain
    assert found.problem == (
        "lr and eps arrive rounded to 4 digits: 0.7123 for 0.7123456789012345"
    )


def test_a_torch_optimizer_behind_a_function(tmp_path):
    pytest.importorskip("torch")
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n"
        "from adagrad_conformance.adapters.torch_optim import TorchAdapter\n"
        "def made(params, lr=0.01, **options):\n"
        "    return torch.optim.Adagrad(params, lr=float(f'{lr:g}'), **options)\n"
        "adapter = TorchAdapter('mine', made)\n"
    )
    found = doubted(parse_target(f"{file}:adapter").command)
    assert str(found) == (
        "lr arrives rounded to 6 digits: 0.712346 for 0.7123456789012345; look at "
        "mine.py, line 4, which hands on 0.712346: hand it on as it is"
    )


def test_the_ports_are_what_they_are_called():
    """Each faulty port of tiny_port.py stands behind an adapter."""
    ports = {x for x in vars(tiny_port).values() if inspect.isclass(x)}
    used = {getattr(lying_adapters, n).port for n in (*BEFORE_WRONG_PORTS, *RIGHT)}
    assert used == ports
    assert all(re.match("A port|Adagrad", port.__doc__) for port in ports)
