"""The JavaScript example against the NumPy port, bit for bit, over the protocol.

Both play the same scenarios.  The NumPy port runs in this process and shares no code
with the protocol, so agreement shows the example and the transport to be right.
"""

from __future__ import annotations

import json
import math
import os
import random
import struct
import subprocess
from dataclasses import replace

import pytest
from program_kit import EXAMPLE, NODE, ROOT

from adagrad_conformance.adapters.base import CLAIMS, PLAIN_CLAIMS, Reading, Refused
from adagrad_conformance.adapters.claims import with_implied
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.scenarios import long_runs
from adagrad_conformance.execution.runner import observe, play
from adagrad_conformance.execution.smoke_test import smoke_test
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.errors import Crash
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_reference.claims import needed_claims
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Load,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
)

PROTOCOL = ROOT / "conformance" / "PROTOCOL.md"
FORMATS = ("binary64", "binary32")
FULL = {
    "lr": 0.3,
    "lr_decay": 0.7,
    "weight_decay": 0.05,
    "initial_accumulator_value": 0.2,
    "eps": 1e-3,
    "maximize": True,
}
NEVER = 60.0  # a timeout that must not fire


pytestmark = pytest.mark.skipif(NODE is None, reason="node is not installed")


@pytest.fixture(scope="module")
def javascript():
    candidate = SubprocessClient((NODE, str(EXAMPLE / "port.mjs")), NEVER)
    identity = candidate.start()
    yield candidate, identity
    candidate.close()


@pytest.fixture
def candidate(javascript):
    assert javascript[0].alive, "an earlier test ended the process"
    return javascript[0]


def pack(fmt, values):
    """Encodings of values, rounded to the format."""
    value, bits = {"binary64": ("<d", "<Q"), "binary32": ("<f", "<I")}[fmt]
    return tuple(struct.unpack(bits, struct.pack(value, x))[0] for x in values)


def tensor(fmt, *values, shape=None):
    return Tensor(fmt, shape or (len(values),), pack(fmt, values))


def noise(fmt, size, seed, spread=3):
    """Numbers of both signs whose magnitudes spread over decades."""
    random_ = random.Random(seed)
    scale = [10 ** random_.uniform(-spread, spread) for _ in range(size)]
    return tensor(fmt, *(x * random_.uniform(-1, 1) for x in scale))


def scenario(tensors, *events):
    return Scenario("test/javascript", (), "MUST", tensors, events)


def steps(fmt, size, count, params=("p",), seed=0):
    return [
        Step("A", {p: noise(fmt, size, f"{seed}/{p}/{i}") for p in params})
        for i in range(count)
    ]


def canonical(reading):
    """The reading with any NaN replaced by one: its sign and payload mean nothing."""

    def one_nan(x):
        if x is None:
            return None
        nan = x.fmt.encode(math.nan)
        bits = (b if v == v else nan for b, v in zip(x.bits, x.values(), strict=True))
        return replace(x, bits=tuple(bits))

    parts = (reading.theta, reading.gradient, reading.state_sum)
    return Reading(*map(one_nan, parts), reading.t, reading.storage)


def assert_same(candidate, played):
    """Play it on both; every observation must be the same.  What JavaScript showed."""
    port = InProcessClient(NumpyAdapter)
    port.start()
    ours, theirs = play(candidate, played), play(port, played)
    assert theirs.status is None, theirs.message
    assert ours.status is None, ours.message
    pairs = zip(ours.events, theirs.events, played.events, strict=True)
    for i, (mine, other, event) in enumerate(pairs):
        place = f"event {i}: {event}"
        assert bool(mine.refusal) == bool(other.refusal), (place, mine, other)
        assert mine.loss == other.loss, place
        assert [c.params for c in mine.calls] == [c.params for c in other.calls], place
        assert mine.trace == other.trace, place
        assert list(mine.readings) == list(other.readings), place
        for key, reading in other.readings.items():
            assert canonical(mine.readings[key]) == canonical(reading), (place, key)
    return ours


# -- the port introduces itself ------------------------------------------------------


def test_claims_are_all_but_layouts_sparse_complex_and_narrow_formats(javascript):
    _, identity = javascript
    lacking = {"bfloat16", "binary16", "complex", "sparse", "layout", "torch"}
    lacking |= {"pickle", "compile"}
    assert identity.claims == PLAIN_CLAIMS - lacking
    assert identity.language == "JavaScript"


def test_smoke_test_has_nothing_to_say(javascript):
    assert smoke_test(*javascript) is None


# -- scenarios, each on both formats -------------------------------------------------


def two_groups(fmt):
    own = {"lr": 0.5, "maximize": True, "initial_accumulator_value": 1.0, "eps": 0.1}
    return (
        {"p": noise(fmt, 5, "p"), "q": noise(fmt, 3, "q")},
        New("A", (Group(("p",)), Group(("q",), own)), {"weight_decay": 0.1}),
    )


def plain(fmt):
    tensors = {"p": noise(fmt, 200, "p")}
    return scenario(tensors, New("A", (Group(("p",)),)), *steps(fmt, 200, 6))


def everything(fmt):
    tensors = {"p": noise(fmt, 200, "p")}
    return scenario(tensors, New("A", (Group(("p",)),), FULL), *steps(fmt, 200, 6))


def one_option(name):
    def make(fmt):
        tensors = {"p": noise(fmt, 20, "p")}
        made = New("A", (Group(("p",)),), {name: FULL[name]})
        return scenario(tensors, made, *steps(fmt, 20, 4))

    make.__name__ = f"option_{name}"
    return make


def extreme_magnitudes(fmt):
    """Overflow, underflow, subnormal numbers, infinities and NaN."""
    edge = {"binary64": 1e300, "binary32": 1e38}[fmt]
    tiny = {"binary64": 5e-324, "binary32": 1e-45}[fmt]
    values = (0.0, -0.0, 1.0, edge, -edge, tiny, 1 / edge, math.inf, math.nan, 2.0)
    n = len(values)
    return scenario(
        {"p": tensor(fmt, *values, *values)},
        New("A", (Group(("p",)),), {"lr": 0.1}),
        Step("A", {"p": tensor(fmt, *values, *[1.0] * n)}),
        Step("A", {"p": tensor(fmt, *reversed(values), *[tiny] * n)}),
    )


def options_beyond_the_format(fmt):
    """Options are binary64: in binary32 these become infinite or zero."""
    made = New("A", (Group(("p",)),), {"weight_decay": 1e39, "eps": 1e-60})
    tensors = {"p": tensor(fmt, 1.0, -2.0, 1e-30)}
    return scenario(tensors, made, *steps(fmt, 3, 2))


def shapes(fmt):
    tensors = {
        "scalar": Tensor(fmt, (), pack(fmt, [2.0])),
        "empty": Tensor(fmt, (0, 3), ()),
        "matrix": tensor(fmt, *map(float, range(6)), shape=(2, 3)),
    }
    made = New("A", (Group(tuple(tensors)),), FULL)
    return scenario(tensors, made, Step("A", tensors), Step("A", tensors))


def none_and_zero(fmt):
    tensors, made = two_groups(fmt)
    zero = tensor(fmt, *[0.0] * 5)
    g = noise(fmt, 5, "g")
    return scenario(
        tensors,
        made,
        Step("A", {"p": None, "q": None}),
        Step("A", {"p": zero}),
        Step("A", {"p": g, "q": noise(fmt, 3, "h")}),
        Step("A", {"p": None}),
        Step("A", {"p": zero, "q": None}),
        Step("A", {"p": g}),
        Step("A"),
    )


def groups_later(fmt):
    tensors, made = two_groups(fmt)
    tensors = {**tensors, "r": noise(fmt, 4, "r"), "s": noise(fmt, 2, "s")}
    all_gradients = Step("A", tensors)
    return scenario(
        tensors,
        made,
        all_gradients,
        AddGroup("A", Group(("r",))),
        all_gradients,
        AddGroup("A", Group(("s",), FULL)),
        all_gradients,
        all_gradients,
    )


def options_set_later(fmt):
    tensors, made = two_groups(fmt)
    step = Step("A", tensors)
    values = {"lr": 0.0, "lr_decay": 1.0, "weight_decay": 0.2, "eps": 0.5}
    changes = [SetOption("A", 1, name, value) for name, value in values.items()]
    events = [x for change in changes for x in (change, step)]
    flip = SetOption("A", 0, "maximize", True)
    return scenario(tensors, made, step, *events, flip, step)


def zero_grad(fmt):
    tensors, made = two_groups(fmt)
    p, q = noise(fmt, 5, "g"), noise(fmt, 3, "h")
    return scenario(
        tensors,
        made,
        ZeroGrad("A", False),
        Step("A", {"p": p}),
        ZeroGrad("A", False),
        Step("A"),
        Step("A", {"p": p, "q": q}),
        ZeroGrad("A", True),
        Step("A"),
        Step("A", {"q": q}),
    )


def two_optimizers(fmt):
    tensors, made = two_groups(fmt)
    other = New("B", (Group(("p",)),), {"lr": 1.0})
    return scenario(tensors, made, other, Step("A", tensors), Step("B"), Step("A"))


def written_state(fmt):
    tensors = {"p": noise(fmt, 3, "p")}
    s = tensor(fmt, 4.0, 9.0, 1e-20)
    return scenario(
        tensors,
        New("A", (Group(("p",)),), FULL),
        SetState("A", "p", s, 2**24 + 5),
        Read("A"),
        *steps(fmt, 3, 3),
        SetState("A", "p", s, 0),
        *steps(fmt, 3, 2),
    )


def refused_options(fmt):
    tensors, _ = two_groups(fmt)
    group, numbers = Group(("p",)), [name for name in FULL if name != "maximize"]
    bad = [{name: x} for name in numbers for x in (-1.0, -1e-300, math.nan)]
    return scenario(
        tensors,
        *(New("X", (group,), options) for options in bad),
        *(New("X", (Group(("p",), options),)) for options in bad),
        New("A", (group,)),
        *(AddGroup("A", Group(("q",), options)) for options in bad),
        AddGroup("A", Group(("q",))),
        Step("A", tensors),
    )


def refused_params(fmt):
    tensors, made = two_groups(fmt)
    return scenario(
        {**tensors, "r": noise(fmt, 2, "r")},
        New("X", (Group(("p", "p")),)),
        New("X", (Group(("p",)), Group(("q", "p")))),
        made,
        Step("A", tensors),
        AddGroup("A", Group(("p",))),
        AddGroup("A", Group(("r", "q"))),
        AddGroup("A", Group(("r", "r"))),
        Step("A"),
        AddGroup("A", Group(("r",))),
        Step("A", {"r": noise(fmt, 2, "g")}),
    )


def refused_loads(fmt):
    tensors = {"p": noise(fmt, 3, "p"), "q": noise(fmt, 3, "q"), "r": noise(fmt, 2, 0)}
    one, two = Group(("p",)), Group(("p", "q"))
    return scenario(
        tensors,
        New("one", (one,)),
        New("two", (two,), FULL),
        New("split", (one, Group(("q",)))),
        New("shorter", (Group(("r",)),)),
        Step("two", tensors),
        Save("two", "saved"),
        Save("one", "single"),
        Load("one", "saved", "same-object"),
        Load("split", "saved", "bytes"),
        Load("two", "single", "deepcopy"),
        Load("shorter", "single", "deepcopy"),
        *(Step(name) for name in ("one", "two", "split", "shorter")),
    )


def many_steps(fmt):
    """A run between steps; q has a gradient in one set of the cycle alone."""
    tensors, made = two_groups(fmt)
    cycle = (
        {"p": noise(fmt, 5, "g", 1), "q": None},
        {"p": noise(fmt, 5, "h", 1), "q": noise(fmt, 3, "g", 1)},
        {"p": None},
    )
    one = Step("A", {"p": noise(fmt, 5, "k")})
    runs = [Steps("A", cycle, count) for count in (1, 2, 3, 50)]
    return scenario(tensors, made, runs[0], one, *runs[1:], one)


SCENARIOS = (
    *(plain, everything, *map(one_option, FULL), extreme_magnitudes),
    *(options_beyond_the_format, shapes, none_and_zero, groups_later),
    *(options_set_later, zero_grad, two_optimizers, written_state),
    *(refused_options, refused_params, refused_loads, many_steps),
)


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_same_bits_as_the_numpy_port(candidate, make, fmt):
    assert_same(candidate, make(fmt))


@pytest.mark.parametrize("make", SCENARIOS, ids=lambda make: make.__name__)
def test_claims_cover_the_scenarios(javascript, make):
    _, identity = javascript
    assert needed_claims(make("binary64")) <= with_implied(identity.claims)


@pytest.mark.parametrize(
    ("make", "count"), [(refused_options, 45), (refused_params, 5), (refused_loads, 4)]
)
def test_everything_illegal_is_refused_with_a_message(candidate, make, count):
    seen = play(candidate, make("binary64"))
    refusals = [event.refusal for event in seen.events if event.refusal]
    assert len(refusals) == count
    assert "without a message" not in "".join(refusals)


def test_maximize_weight_decay_and_eps_by_hand(candidate):
    # g = -1 + 1/2, S = 1/4, theta = 1 + (1/2) / (1/2 + 1) = 4/3
    options = {"lr": 1.0, "weight_decay": 0.5, "eps": 1.0, "maximize": True}
    one = tensor("binary64", 1.0)
    made = New("A", (Group(("p",)),), options)
    seen = play(candidate, scenario({"p": one}, made, Step("A", {"p": one})))
    reading = seen.events[-1].readings["A", "p"]
    assert reading.theta.values() == [4 / 3]
    assert reading.state_sum.values() == [0.25]
    assert reading.t == 1


def test_a_message_much_larger_than_a_pipe(candidate):
    p = noise("binary64", 20_000, "large")
    made = New("A", (Group(("p",)),))
    assert_same(candidate, scenario({"p": p}, made, Step("A", {"p": p})))


# -- the closure ---------------------------------------------------------------------


@pytest.mark.parametrize("fmt", FORMATS)
def test_closure_is_asked_once_before_the_step(candidate, fmt):
    tensors, made = two_groups(fmt)
    first = Step("A", {"p": noise(fmt, 5, "g"), "q": None}, loss=0.1)
    second = Step("A", {"q": noise(fmt, 3, "h")}, loss=-math.inf)
    seen = assert_same(candidate, scenario(tensors, made, first, second, Step("A")))
    assert [event.loss for event in seen.events] == [None, 0.1, -math.inf, None]
    assert [len(event.calls) for event in seen.events] == [0, 1, 1, 0]
    assert dict(seen.events[1].calls[0].params) == tensors
    moved = {name: seen.events[1].readings["A", name].theta for name in tensors}
    assert dict(seen.events[2].calls[0].params) == moved
    assert moved["p"] != tensors["p"]


# -- long runs -----------------------------------------------------------------------


@pytest.mark.parametrize("fmt", FORMATS)
def test_the_long_run_passes(javascript, fmt):
    port, identity = javascript
    long = [s for s in long_runs.scenarios() if s.formats == (fmt,)]
    assert long
    verdicts = judge(observe(port, identity, long), Terms(identity.claims, None))
    for scenario, verdict in zip(long, verdicts, strict=True):
        assert verdict.status == "pass", verdict
        counts = [e.count for e in scenario.events if isinstance(e, Steps)]
        assert verdict.elements > sum(counts) > 1000


def test_a_wrong_long_run_fails(javascript):
    """The same trace with one bit of S turned over, late in the run."""
    port, identity = javascript
    long = next(s for s in long_runs.scenarios() if s.formats == ("binary32",))
    (seen,) = observe(port, identity, [long])
    trace = seen.events[-1].trace["p"]
    total = list(trace.state_sum)
    total[-100] ^= 1 << 12
    seen.events[-1].trace["p"] = replace(trace, state_sum=tuple(total))
    (verdict,) = judge([seen], Terms(identity.claims, None))
    assert verdict.status == "fail"


# -- save and load -------------------------------------------------------------------


def saved_and_loaded(fmt, via):
    """Unequal counters, changed options, steps between save and load, a group after."""
    tensors, made = two_groups(fmt)
    tensors = {**tensors, "r": noise(fmt, 2, "r")}
    p, q = noise(fmt, 5, "g"), noise(fmt, 3, "h")
    between = () if via == "new-process" else (Step("A", {"p": p, "q": q}),)
    return scenario(
        tensors,
        made,
        Step("A", {"p": p}),
        SetOption("A", 0, "lr_decay", 0.1),
        SetOption("A", 1, "lr", 1 / 3),
        Step("A", {"p": p, "q": q}),
        Step("A", {"q": None}),
        Save("A", "saved"),
        *between,
        New("A", (Group(("p",)), Group(("q",))), {"lr": 9.0, "eps": 7.0}),
        Load("A", "saved", via),
        Step("A", {"p": p, "q": q}),
        Step("A"),
        AddGroup("A", Group(("r",), {"lr": 0.2, "eps": 0.1})),
        Step("A", {"r": noise(fmt, 2, "g")}),
    )


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("via", ["same-object", "deepcopy", "bytes", "new-process"])
def test_loaded_in_every_way(candidate, fmt, via):
    assert_same(candidate, saved_and_loaded(fmt, via))


def test_a_new_process_is_another_process(candidate):
    play(candidate, saved_and_loaded("binary64", "new-process"))
    assert candidate.second_process().child.process.pid != candidate.child.process.pid


def test_two_loads_from_one_save_share_nothing(candidate):
    p = noise("binary64", 4, "p")
    groups = (Group(("p",)),)
    step = Step("A", {"p": p})
    load = Load("A", "saved", "same-object")
    played = scenario(
        {"p": p}, New("A", groups), step, Save("A", "saved"), load, step, load, step
    )
    assert_same(candidate, played)


# -- manners -------------------------------------------------------------------------


def test_a_crash_in_good_order_leaves_the_process_alive(candidate):
    candidate.begin({})
    with pytest.raises(Crash, match=r"(?s)TypeError.*port\.mjs"):
        candidate.read("nobody")
    assert candidate.alive
    assert_same(candidate, plain("binary32"))


def test_a_refusal_speaks_for_itself(candidate):
    candidate.begin({"p": tensor("binary64", 1.0)})
    with pytest.raises(Refused, match="lr must be finite and not negative, not -1"):
        candidate.event(New("A", (Group(("p",)),), {"lr": -1.0}), None)


def test_pipes_that_do_not_block():
    """Neither an empty input nor a full output (EAGAIN) stops the port."""
    (in_read, in_write), (out_read, out_write) = os.pipe(), os.pipe()
    os.set_blocking(in_read, False)
    os.set_blocking(out_write, False)
    command = (NODE, str(EXAMPLE / "port.mjs"))
    with subprocess.Popen(command, stdin=in_read, stdout=out_write) as process:
        os.close(in_read)
        os.close(out_write)
        with os.fdopen(in_write, "w") as lines, os.fdopen(out_read) as answers:

            def ask(**question):
                print(json.dumps(question), file=lines, flush=True)
                return json.loads(answers.readline())

            assert ask(seq=1, op="start", protocol=1)["ok"]["protocol"] == 1
            bits = ["0" * 16] * 30_000
            many = {"format": "binary64", "shape": [30_000], "bits": bits}
            assert ask(seq=2, op="begin", tensors={"p": many}) == {"seq": 2, "ok": {}}
            groups = [{"params": ["p"], "options": {}}]
            new = {"do": "new", "optimizer": "A", "groups": groups, "options": {}}
            assert ask(seq=3, op="event", event=new) == {"seq": 3, "ok": {}}
            shown = ask(seq=4, op="read", optimizer="A")["ok"]["params"]["p"]
            assert shown["theta"] == many
            assert shown["gradient"] is None
            packed = {**many, "bits": "0" * 16 * 30_000}
            again = ask(seq=5, op="begin", tensors={"p": packed})
            assert again == {"seq": 5, "ok": {}}
            assert ask(seq=6, op="stop") == {"seq": 6, "ok": {}}
            assert process.wait(NEVER) == 0


# -- the page of the protocol ------------------------------------------------------


def alike(shown, real):
    """Whether they are equal; what follows "…" in a text or list is left out."""
    if isinstance(shown, str) and "…" in shown:
        return real.startswith(shown[: shown.index("…")])
    if isinstance(shown, list):
        if "…" in shown:
            shown = shown[: shown.index("…")]
            real = real[: len(shown)]
        return len(shown) == len(real) and all(map(alike, shown, real))
    if isinstance(shown, dict):
        same_keys = shown.keys() == real.keys()
        return same_keys and all(alike(shown[key], real[key]) for key in real)
    return shown == real


def test_the_conversation_on_the_page_is_real():
    lines = PROTOCOL.read_text().splitlines()
    sent = [line[2:] for line in lines if line.startswith("> ")]
    shown = [json.loads(line[2:]) for line in lines if line.startswith("< ")]
    done = subprocess.run(
        [NODE, str(EXAMPLE / "port.mjs")],
        input="\n".join(sent) + "\n",
        capture_output=True,
        text=True,
        timeout=NEVER,
    )
    real = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(sent) == len(shown) == len(real) > 10
    for one, other in zip(shown, real, strict=True):
        assert alike(one, other), (one, other)


def test_every_claim_is_on_the_page():
    lines = PROTOCOL.read_text().splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| `")]
    told = {row[0].strip("`"): row[1] for row in rows if not row[0].startswith('`"')}
    assert told == dict(CLAIMS)


# -- the class itself, where the protocol does not reach -----------------------------

PRELUDE = """
import assert from "node:assert/strict";
import { Adagrad, AdagradError, Param } from "./adagrad.mjs";
const p = new Param(Float64Array.of(1, 2), Float64Array.of(3, -4));
const q = new Param(Float32Array.of(5));
const port = new Adagrad([p, q], { lr_decay: 0.5 });
port.step();
const before = structuredClone([port.state_dict(), p.data, p.grad]);
const refuses = (f, pattern) => {
  assert.throws(f, (e) => e instanceof AdagradError && pattern.test(e.message));
  assert.deepEqual([port.state_dict(), p.data, p.grad], before);
};
"""

SNIPPETS = {
    "a gradient is never written": "assert.deepEqual(p.grad, Float64Array.of(3, -4));",
    "state_dict is a snapshot": """
        const saved = port.state_dict();
        port.step();
        assert.deepEqual(saved, before[0]);
        assert.deepEqual(Object.keys(saved), ["state", "param_groups"]);
        assert.deepEqual(saved.param_groups[0].params, [0, 1]);""",
    "a loaded dict is copied": """
        const saved = port.state_dict();
        port.load_state_dict(saved);
        port.step();
        port.param_groups[0].lr = 7;
        assert.deepEqual(saved, before[0]);""",
    "a closure that throws changes nothing": """
        assert.throws(() => port.step(() => { throw new Error("mine"); }), /mine/);
        assert.deepEqual(port.state_dict(), before[0]);""",
    "a gradient of another length or format": """
        q.grad = Float32Array.of(1, 2);
        refuses(() => port.step(), /gradient/);
        q.grad = Float64Array.of(1);
        refuses(() => port.step(), /gradient/);
        q.grad = null;
        refuses(() => port.step(() => q.grad = Float64Array.of(1)), /gradient/);""",
    "unknown and ill-typed options": """
        refuses(() => new Adagrad([p], { beta: 1 }), /no option beta/);
        refuses(() => new Adagrad([p], { lr: "1" }), /lr must be a number/);
        refuses(() => new Adagrad([p], { maximize: 1 }), /maximize must be a boolean/);
        refuses(() => new Adagrad([p], { lr: Infinity }), /finite/);
        refuses(() => port.add_param_group({ params: [new Param(p.data)], beta: 1 }),
                /no option beta/);""",
    "what is no param": """
        refuses(() => new Adagrad([]), /no params/);
        refuses(() => port.add_param_group({ params: [p.data] }), /needs Params/);
        refuses(() => new Param([1, 2]), /Float64Array/);""",
    "dicts that do not fit": """
        const broken = (change) => {
          const saved = port.state_dict();
          change(saved);
          return () => port.load_state_dict(saved);
        };
        refuses(() => port.load_state_dict({}), /no state dict/);
        refuses(broken((d) => delete d.param_groups), /no state dict/);
        refuses(broken((d) => d.param_groups.pop()), /groups of 2 params/);
        refuses(broken((d) => d.param_groups[0].params.pop()), /groups of 2 params/);
        refuses(broken((d) => d.param_groups[0].params = [0, 0]), /one state/);
        refuses(broken((d) => delete d.param_groups[0].eps), /eps must be a number/);
        refuses(broken((d) => delete d.state[1]), /one state/);
        refuses(broken((d) => delete d.state[1].sum), /a sum of 1/);
        refuses(broken((d) => d.state[1].sum = Float32Array.of(1, 2)), /a sum of 1/);
        refuses(broken((d) => d.state[0].step = -1), /no count/);
        refuses(broken((d) => d.state[0].step = 1.5), /no count/);
        refuses(broken((d) => delete d.state[0].step), /no count/);""",
    "S keeps its own precision": """
        const saved = port.state_dict();
        saved.state[1].sum = Float64Array.of(1 / 3);
        port.load_state_dict(saved);
        q.grad = Float32Array.of(1);
        port.step();
        assert.deepEqual(port.state.get(q).sum, Float64Array.of(1 / 3 + 1));
        assert.equal(q.data[0], Math.fround(5 - 0.01 / (Math.sqrt(1 / 3 + 1) + 1e-10)));
    """,
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_the_class(name):
    command = [NODE, "--input-type=module", "--eval", PRELUDE + SNIPPETS[name]]
    done = subprocess.run(
        command, cwd=EXAMPLE, capture_output=True, text=True, timeout=NEVER
    )
    assert done.returncode == 0, done.stderr


def test_the_lines_of_the_document_are_marked():
    lines = (EXAMPLE / "adagrad.mjs").read_text().splitlines()
    for number in (3, 4, 9, 5, 6, 7):
        assert sum(f"// ALG-{number}" in line for line in lines) == 1
