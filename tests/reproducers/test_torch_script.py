"""Snippets: in plain torch they do, bit for bit, what a run of the suite sees.

A snippet is run here as it is printed.  What its names are bound to in the end is held
against the last reading of the same scenario on the adapter.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.adapters.registry import ADAPTERS, PORTS
from adagrad_conformance.adapters.torch_optim import TorchAdapter, from_torch
from adagrad_conformance.checks.kinds import Relation
from adagrad_conformance.checks.scenarios.builders import (
    optimizer,
    scenario,
    single_step,
    view,
)
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.execution.runner import play
from adagrad_conformance.explore import check, scenarios
from adagrad_conformance.reproducers.names import script_names
from adagrad_conformance.reproducers.torch_script import (
    TorchConstructor,
    torch_constructor,
    torch_snippet,
)
from adagrad_conformance.reproducers.torch_script.constructors import SCRIPT_WORDS
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.claims import needed_claims
from adagrad_reference.formats import BINARY32, BINARY64, FORMATS
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Group,
    Layout,
    Load,
    New,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
    Steps,
    Tensor,
    ZeroGrad,
    tensor,
)

RULE = "numerics/fresh"
MANY = 10_000  # steps; longer runs say nothing more of a snippet


def all_scenarios() -> Iterator[Scenario]:
    """Every scenario that has a snippet: relations have two."""
    for known in known_checks(Library.read()):
        if isinstance(known, Scenario):
            yield known
        elif isinstance(known, Relation):
            yield from (known.left, known.right)


KNOWN = [s for s in all_scenarios() if needed_claims(s) <= torch_optim.single().claims]


def traits(scenario: Scenario) -> frozenset[str]:
    """Words for all that a snippet has to write down."""
    books, found = Bookkeeper(scenario), set(scenario.formats)
    for event in scenario.events:
        effect = books.apply(event)
        found.add(type(event).__name__ + (" refused" if effect.refusal else ""))
        found |= set(details(event))
    for t in scenario.tensors.values():
        found.add("complex" if t.complex else "real")
        found.add("laid out" if t.layout else "plain")
        found.add(f"{len(t.shape)}-dim")
    return frozenset(found | ({"mixed"} if len(scenario.formats) > 1 else set()))


def details(event: Event) -> Iterator[str]:
    match event:
        case Load(via=via):
            yield via
        case Step(gradients=gradients, loss=loss):
            yield "plain step" if loss is None else "closure"
            for g in gradients.values():
                laid = isinstance(g, Tensor) and g.layout
                yield "laid out gradient" if laid else type(g).__name__
        case New(options=options) | AddGroup(group=Group(options=options)):
            yield from options
        case SetOption(option=option):
            yield f"set {option}"
        case Steps(cycle=cycle):
            yield f"a cycle of {len(cycle)}"


def spread(given):
    """Few scenarios in which each trait, and each pair of them, occurs."""
    seen: set[frozenset[str]] = set()
    for s in given:
        words = sorted(traits(s))
        pairs = {frozenset((a, b)) for a in words for b in words}
        short = all(e.count <= MANY for e in s.events if isinstance(e, Steps))
        if pairs - seen and short:
            seen |= pairs
            yield s


SAMPLE = list(spread(KNOWN))


def executed(text):
    """What is bound after a snippet has run."""
    names = {"print": lambda *_: None}
    exec(compile(text, "snippet", "exec"), names)
    return names


def nan_free(t, bits):
    """Encodings, all NaN alike: their payload and sign are nobody's business."""
    return ["nan" if math.isnan(t.fmt.decode(b)) else b for b in bits]


def last_seen(scenario, adapter):
    """What the suite sees of the last event."""
    candidate = InProcessClient(adapter)
    candidate.start()
    seen = play(candidate, scenario)
    assert not seen.status, seen.message
    return seen.events[-1]


def last_readings(scenario, adapter):
    """The last reading of every param under every optimizer that is left."""
    return last_seen(scenario, adapter).readings


def assert_alike(scenario, names, readings):
    assert readings
    script = script_names(scenario, SCRIPT_WORDS)
    for (who, name), seen in readings.items():
        word = script.params[name]
        mine, like = names[word], scenario.tensors[name]
        shown = from_torch(mine)
        assert shown.shape == like.shape
        assert nan_free(like, shown.bits) == nan_free(like, seen.theta.bits)
        if seen.storage is not None:
            whole = from_torch(mine.detach().as_strided((like.layout.length,), (1,), 0))
            assert whole.bits == seen.storage
            assert from_torch(names[f"{word}_storage"]).bits == seen.storage
        if seen.state_sum is not None:
            state = names[script.optimizers[who]].state[mine]
            total = from_torch(state["sum"])
            assert nan_free(like, total.bits) == nan_free(like, seen.state_sum.bits)
            assert int(state["step"]) == seen.t


def reproduce(scenario):
    """Run the snippet; the last event may be one that must be refused."""
    text = torch_snippet(scenario, torch_constructor("torch/single"))
    seen = last_seen(scenario, torch_optim.single)
    if seen.refusal:
        kind, _, words = seen.refusal.partition(": ")
        with pytest.raises(Exception, match=re.escape(words)) as raised:
            executed(text)
        assert raised.type.__name__ == kind
        return
    names = executed(text)
    if seen.readings:  # none where it is accepted and should have been refused
        assert_alike(scenario, names, seen.readings)


# -- what is known ---------------------------------------------------------------------


def test_the_sample_is_a_sample():
    words = set().union(*map(traits, KNOWN))
    assert set().union(*map(traits, SAMPLE)) == words
    assert words >= {
        "New", "Step", "Steps", "SetOption", "AddGroup", "ZeroGrad", "Read", "Save",
        "Load", "SetState", "New refused", "AddGroup refused", "Load refused",
        "same-object", "deepcopy", "bytes", "new-process", "closure", "NoneType",
        "Sparse", "complex", "laid out", "laid out gradient", "mixed", "0-dim",
        *FORMATS,
    }  # fmt: skip
    assert 40 < len(SAMPLE) < len(KNOWN) / 3


@pytest.mark.parametrize("scenario", SAMPLE, ids=lambda s: s.id)
def test_a_snippet_does_what_the_suite_sees(scenario):
    reproduce(scenario)


@pytest.mark.parametrize("start", range(6))
def test_every_snippet_is_python_and_plain(start):
    for known in KNOWN[start::6]:
        text = torch_snippet(known)
        compile(text, known.id, "exec")
        assert "adagrad_conformance" not in text
        head = text.splitlines()[0]
        assert "torch" in head.split("import ")[1]
        for module in ("copy", "io"):
            assert (module in head) == (f"{module}." in text)


@seeded(20)
@settings(max_examples=150, database=None, deadline=None, phases=[Phase.generate])
@given(scenarios(torch_optim.single().claims))
def test_a_snippet_of_anything_does_what_the_suite_sees(scenario):
    reproduce(scenario)


@pytest.mark.parametrize("target", [name for name in ADAPTERS if PORTS[name].torch])
def test_a_registered_port_is_made_as_its_adapter_makes_it(target):
    port = torch_constructor(target)
    module, _, name = ADAPTERS[target].partition(":")
    adapter = getattr({"torch_adapter": torch_own}.get(
        module.rpartition(".")[2], torch_optim), name)  # fmt: skip
    theta, g = (tensor(BINARY32, values) for values in ([0.3, -1.7], [0.9, 2.3]))
    known = single_step("s", RULE, theta, g, lr=0.7, weight_decay=0.3, eps=0.2)
    text = torch_snippet(known, port)
    assert_alike(known, executed(text), last_readings(known, adapter))
    for argument, value in adapter().fixed.items():
        assert f", {argument}={value}" in text


# -- what is wrong ---------------------------------------------------------------------


def test_the_snippet_of_a_torch_bug_shows_the_wrong_value():
    """The fused kernel ignores the strides of a gradient."""
    theta, plain = (tensor(BINARY64, x) for x in ([0.3, -1.7], [0.9, 2.3]))
    guard = BINARY64.encode(7.3)
    known = single_step("s", RULE, theta, view(plain, Layout(3, 0, (2,), guard)))
    found = check(torch_optim.fused, known)
    assert found.status == "fail"
    text = torch_snippet(known, torch_constructor("torch/fused"))
    names = executed(text)
    assert_alike(known, names, last_readings(known, torch_optim.fused))
    place = found.failure.element
    assert found.failure.message.startswith("S is a value that no legal evaluation")
    total = from_torch(names["A"].state[names["p"]]["sum"])
    assert float(found.failure.observed_text.split()[0]) == total.values()[place]
    assert found.failure.observed_text.split()[0] in printed(text)
    right = executed(torch_snippet(known, torch_constructor("torch/single")))
    assert from_torch(right["p"]).bits != from_torch(names["p"]).bits
    assert len(text.splitlines()) <= 10


class Unrooted(torch.optim.Adagrad):
    """The step divides by S instead of its root, from the second step on."""

    def step(self, closure=None):
        before = [p.detach().clone() for p in self.param_groups[0]["params"]]
        loss = super().step(closure)
        for old, p in zip(before, self.param_groups[0]["params"], strict=True):
            state = self.state[p]
            if state["step"] > 1:
                p.data.copy_(old - 0.5 * p.grad / (state["sum"] + 0.25))
        return loss


def test_the_snippet_of_a_wrong_class_shows_the_wrong_value():
    made = lambda: TorchAdapter("mine", Unrooted)  # noqa: E731
    theta, g = tensor(BINARY64, [0.3]), tensor(BINARY64, [0.7])
    events = [optimizer(lr=0.5, eps=0.25), *[Step("A", {"p": g}), Step("A")]]
    known = scenario("s", RULE, {"p": theta}, events)
    found = check(made, known)
    assert found.status == "fail"
    text = torch_snippet(known, TorchConstructor("Unrooted"))
    names = {"print": lambda *_: None, "Unrooted": Unrooted}
    exec(compile(text, "snippet", "exec"), names)
    assert found.failure.observed_text.startswith(repr(float(names["p"].detach()[0])))


def printed(text):
    """What a script prints by itself."""
    ran = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True
    )
    return ran.stdout


def test_what_is_printed_tells_bits_apart():
    theta, g = tensor(BINARY64, [0.3]), tensor(BINARY64, [0.7])
    shown = printed(torch_snippet(single_step("s", RULE, theta, g)))
    assert (
        shown == "[0.29000000000142856] {'step': 1.0, 'sum': [0.48999999999999994]}\n"
    )


def test_a_refusal_in_the_midst_is_printed_and_one_at_the_end_raised():
    p = tensor(BINARY64, [0.3])
    again = AddGroup("A", Group(("p",)))
    known = scenario("s", RULE, {"p": p}, [optimizer(), again, Step("A", {"p": p})])
    assert "refused: some parameters appear in more than one" in printed(
        torch_snippet(known)
    )
    text = torch_snippet(scenario("s", RULE, {"p": p}, [optimizer(), again]))
    assert "# must be refused: a param is already in a group" in text
    with pytest.raises(ValueError, match="more than one"):
        executed(text)


# -- how it is written -----------------------------------------------------------------


@settings(max_examples=400, database=None, deadline=None, derandomize=True)
@given(st.data())
def test_every_number_comes_back_bit_for_bit(data):
    fmt = data.draw(st.sampled_from(list(FORMATS.values())))
    bits = data.draw(st.lists(st.integers(0, 2**fmt.width - 1), max_size=12))
    pairs = fmt in (BINARY32, BINARY64) and data.draw(st.booleans())
    bits = bits[: len(bits) // 2 * 2] if pairs else bits
    shape = (len(bits) // (1 + pairs),)
    p = Tensor(fmt.name, shape, tuple(bits), pairs)
    known = Scenario("s", (RULE,), "MUST", {"p": p}, (optimizer(),))
    names = executed(torch_snippet(known))
    assert nan_free(p, from_torch(names["p"]).bits) == nan_free(p, bits)


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        ("binary32", 0.3, "f32([0.3])"),
        ("binary16", 1 / 3, "f16([0.3333])"),
        ("bfloat16", 2.7, "bf16([2.7])"),
        ("binary64", 0.1 + 0.2, "f64([0.30000000000000004])"),
        ("binary64", -0.0, "f64([-0.0])"),
        ("binary64", math.inf, "f64([inf])"),
        ("binary32", 2.0**-149, "f32([1e-45])"),
    ],
)
def test_decimals_are_short(form, value, text):
    p = tensor(FORMATS[form], [value])
    shown = torch_snippet(Scenario("s", (RULE,), "MUST", {"p": p}, (optimizer(),)))
    assert f"torch.nn.Parameter({text})" in shown
    assert ("from math import inf" in shown) == math.isinf(value)


def test_long_tensors_that_repeat_are_short():
    p = tensor(BINARY64, [0.3, -0.7] * 8 + [0.3])
    q = tensor(BINARY64, [0.1 * i for i in range(20)])
    events = (optimizer(("p", "q")),)
    text = torch_snippet(Scenario("s", (RULE,), "MUST", {"p": p, "q": q}, events))
    assert "f64([0.3, -0.7] * 8 + [0.3])" in text
    assert max(map(len, text.splitlines())) > 100
    assert from_torch(executed(text)["p"]).bits == p.bits


def test_each_format_has_a_maker_and_no_other_has():
    tensors = {"p": tensor(BINARY32, [0.3]), "q": tensor(FORMATS["bfloat16"], [0.7])}
    events = (optimizer(tensors, lr=0.5), Step("A", dict(reversed(tensors.items()))))
    known = Scenario("s", (RULE,), "MUST", tensors, events)
    text = torch_snippet(known)
    assert "f32 = " in text
    assert "bf16 = " in text
    assert "f64" not in text
    assert_alike(known, executed(text), last_readings(known, torch_optim.single))


@pytest.mark.parametrize(
    "name", ["lambda", "p q", "1", "", "f64", "copy", "é", "A", "i", "closure", "p.x"]
)
def test_any_name_of_a_param_will_do(name):
    p = tensor(BINARY64, [0.3])
    events = (optimizer((name, "p_q")), Step("A", {name: p}, 2.75))
    known = Scenario("s", (RULE,), "MUST", {name: p, "p_q": p}, events)
    text = torch_snippet(known)
    names, script = executed(text), script_names(known, SCRIPT_WORDS)
    params = {k for k, x in names.items() if isinstance(x, torch.nn.Parameter)}
    assert params == set(script.params.values())
    assert len(params) == 2
    assert names[script.params[name]].grad is not None
    assert names[script.params["p_q"]].grad is None
    assert all(re.fullmatch(r"[a-zA-Z]\d*", word) for word in params)


def test_saves_of_any_name():
    p = tensor(BINARY64, [0.3])
    events = [
        optimizer(), Step("A", {"p": p}), Save("A", "the first"), Read("A"),
        Load("A", "the first", "bytes"), ZeroGrad("A", True),
    ]  # fmt: skip
    text = torch_snippet(scenario("s", RULE, {"p": p}, events))
    assert "# s is the save 'the first'" in text
    assert "file_s.seek(0)" in text
    executed(text)


def test_a_new_process_has_params_of_its_own():
    p, q = tensor(BINARY64, [0.3]), tensor(BINARY64, [0.7, 0.9])
    events = [
        New("A", (Group(("p",)), Group(("q",), {"lr": 0.3})), {"eps": 0.2}),
        Step("A", {"p": p, "q": q}),
        Save("A", "s"),
        Load("A", "s", "new-process"),
        Step("A", {"p": p}),
    ]
    known = scenario("s", RULE, {"p": p, "q": q}, events)
    text = torch_snippet(known)
    assert "p = torch.nn.Parameter(p.detach().clone())" in text
    assert "A = torch.optim.Adagrad([dict(params=[p], eps=0.2)" in text
    names = executed(text)
    assert names["q"].grad is None
    assert_alike(known, names, last_readings(known, torch_optim.single))


def test_steps_are_a_loop():
    p, g, h = (tensor(BINARY64, [x]) for x in (0.3, 0.7, -0.4))
    for cycle, count in (({"p": g},), 7), (({"p": g}, {"p": None}, {"p": h}), 8):
        known = scenario(
            "s", RULE, {"p": p}, [optimizer(), Step("A", {"p": g}),
            Steps("A", cycle, count)],
        )  # fmt: skip
        text = torch_snippet(known)
        assert f"for i in range({count}):" in text
        assert_alike(known, executed(text), last_readings(known, torch_optim.single))


def test_rows_and_state_are_written():
    p = tensor(BINARY64, [0.3] * 6, (3, 2))
    rows = Sparse((3, 2), (2, 0, 2), tensor(BINARY64, [0.25, 0.5] * 3, (3, 2)))
    none = Sparse((3, 2), (), tensor(BINARY64, [], (0, 2)))
    events = [
        optimizer(lr=0.7),
        SetState("A", "p", tensor(BINARY64, [0.9] * 6, (3, 2)), 16_777_216),
        Step("A", {"p": rows}),
        Step("A", {"p": none}),
    ]
    known = scenario("s", RULE, {"p": p}, events)
    text = torch_snippet(known)
    assert "torch.sparse_coo_tensor([[2, 0, 2]], f64(" in text
    assert_alike(known, executed(text), last_readings(known, torch_optim.single))


@pytest.mark.parametrize(
    ("target", "due"),
    [
        ("numpy", None),
        ("exec:node port.mjs", None),
        ("my.lib:Adagrad", "from my.lib import Adagrad"),
        ("my.lib:Adagrad.Fast", "from my.lib import Adagrad"),
        ("my lib:Adagrad", None),
        ("my.lib:Ada grad", None),
        ("my.class:Adagrad", None),
        ("my.lib:torch", None),
    ],
)
def test_ports_of_other_targets(target, due):
    port = torch_constructor(target)
    assert (port and port.imports[-1]) == due
    if port:
        assert port.callable == target.partition(":")[2]


@pytest.mark.parametrize("stem", ["my_port", "random", "torch", "my-port", "my.port"])
def test_a_port_in_a_file(tmp_path, stem):
    path = tmp_path / f"{stem}.py"
    path.write_text("import torch\nclass Mine(torch.optim.Adagrad): pass\n")
    port = torch_constructor(f"{path}:Mine")
    theta, g = tensor(BINARY64, [0.3]), tensor(BINARY64, [0.7])
    known = single_step("s", RULE, theta, g)
    text = torch_snippet(known, port)
    assert "A = Mine([p])" in text
    assert "'sum'" in printed(text)
