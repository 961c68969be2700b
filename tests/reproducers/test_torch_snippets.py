"""Snippets of torch: each does what the suite sees."""

from __future__ import annotations

import pytest
import torch

from adagrad_conformance.adapters.torch_optim import single
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.cli.explain import explain
from adagrad_conformance.execution.runner import play
from adagrad_conformance.reproducers.torch_script import torch_snippet
from adagrad_conformance.reproducers.torch_script.constructors import TorchConstructor
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.flags import Flag
from adagrad_reference.scenario import Load, Tensor

# -- snippets ------------------------------------------------------------------------

LIBRARY = Library.read()
SCENARIOS = list(LIBRARY.scenarios())


def refuses(scenario):
    return any(e["outcome"] == "refused" for e in LIBRARY.raw[scenario.id]["expect"])


#: Every kind of script in every format, in turn.
PLAYED = [s for s in SCENARIOS if not refuses(s)]
FIRST = {s.id.split("/")[0]: s for s in reversed(PLAYED)}
SAMPLE = [
    *FIRST.values(),
    *PLAYED[7 :: len(PLAYED) // 18],
    *[s for s in PLAYED if Flag.GUARDED in s.flags][:12],
]


@pytest.mark.parametrize("start", range(0, 8))
def test_every_snippet_compiles(start):
    for scenario in SCENARIOS[start::8]:
        compile(torch_snippet(scenario), scenario.id, "exec")


def bits_of(tensor):
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor)
    integers = {8: torch.int64, 4: torch.int32, 2: torch.int16}[tensor.element_size()]
    width = 8 * tensor.element_size()
    flat = tensor.detach().contiguous().view(integers).flatten().tolist()
    return [value & ((1 << width) - 1) for value in flat]


def nan_free(tensor: Tensor, bits):
    """Encodings, all NaN alike: their payload and sign are nobody's business."""
    return ["nan" if (x := tensor.fmt.decode(b)) != x else b for b in bits]


def executed(text):
    """What is bound after a snippet has run."""
    names = {"print": lambda *_: None}
    exec(compile(text, "snippet", "exec"), names)
    return names


def observed(scenario):
    """The last reading of every param on torch/single."""
    candidate = InProcessClient(single)
    candidate.start()
    seen = play(candidate, scenario)
    assert not seen.status, seen.message
    last = {}
    for event in seen.events:
        last.update(event.readings)
    return last


def test_the_sample_is_a_sample():
    assert len(SAMPLE) >= 30
    assert {s.id.split("/")[0] for s in SAMPLE} == {
        s.id.split("/")[0] for s in SCENARIOS
    }
    assert {name for s in SAMPLE for name in s.formats} == {
        "binary64", "binary32", "bfloat16", "binary16"
    }  # fmt: skip
    assert any(isinstance(event, Load) for s in SAMPLE for event in s.events)
    assert any(t.layout for s in SAMPLE for t in s.tensors.values())


@pytest.mark.parametrize("scenario", SAMPLE, ids=lambda s: s.id)
def test_a_snippet_does_what_the_suite_sees(scenario):
    names = executed(torch_snippet(scenario))
    optimizer = scenario.events[-1].optimizer
    readings = observed(scenario)
    for name, tensor in scenario.tensors.items():
        mine, theirs = names[name].data, readings[optimizer, name]
        due = nan_free(tensor, theirs.theta.bits)
        assert nan_free(tensor, bits_of(mine)) == due
        assert tuple(mine.shape) == tensor.shape
        if theirs.storage is not None:
            whole = mine.as_strided((tensor.layout.length,), (1,), 0)
            assert bits_of(whole) == list(theirs.storage)
        state = names[optimizer].state[names[name]]
        if theirs.state_sum is not None:
            total = nan_free(tensor, theirs.state_sum.bits)
            assert nan_free(tensor, bits_of(state["sum"])) == total
            assert int(state["step"]) == theirs.t


#: Of what a constructor of torch refuses too: the last event is the refused one.
REFUSED = [s for s in SCENARIOS if s.id.startswith("groups/refuses-")]


@pytest.mark.parametrize("scenario", REFUSED, ids=lambda s: s.id)
def test_a_snippet_of_a_refusal_raises(scenario):
    assert refuses(scenario)
    with pytest.raises(ValueError, match="Invalid"):
        executed(torch_snippet(scenario))


def test_a_snippet_takes_another_constructor():
    port = TorchConstructor("mylib.Adagrad", {"fused": True})
    text = torch_snippet(SCENARIOS[0], port)
    assert "= mylib.Adagrad([" in text
    assert ", fused=True)" in text


@pytest.mark.parametrize(
    "scenario",
    [s for s in SCENARIOS if any(t.layout for t in s.tensors.values())][::4],
    ids=lambda s: s.id,
)
def test_explain_ends_with_a_snippet_that_runs_for_layouts_too(scenario):
    text = explain(scenario.id, LIBRARY)
    assert text is not None
    snippet = text.partition("reproduce in torch\n")[2]
    lines = [line.removeprefix("  ") for line in snippet.splitlines()]
    names = executed("\n".join(lines))
    optimizer, readings = scenario.events[-1].optimizer, observed(scenario)
    for name in scenario.tensors:
        due = list(readings[optimizer, name].theta.bits)
        assert bits_of(names[name].data) == due
