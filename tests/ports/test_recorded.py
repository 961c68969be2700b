"""What was recorded of published ports: whole, readable, with their known faults."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from adagrad_conformance import by_hand
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.reproducers.verification import script_troubles
from adagrad_conformance.reports.pages.report import report_text
from adagrad_conformance.reproducers.writing import file_name
from adagrad_conformance.reports.stream import read_stream
from adagrad_conformance.adapters.unavailable import UNAVAILABLE

ROOT = Path(__file__).resolve().parents[2] / "ports"
STREAMS = {
    stream.targets[0]["target"]: stream
    for stream in map(read_stream, sorted((ROOT / "streams").glob("*.jsonl.gz")))
}
FINE = ("pass", "waived", "not-claimed", "skipped")

#: Port -> requirements that it was known to break before it was ever run here.
KNOWN = {
    "keras/tensorflow": {"sparse/duplicates-summed"},
    "mindspore/experimental": {
        "numerics/ordinary"
    },  # binary64 and binary16 stand still
    "mindspore/nn": {"algorithm/update"},  # an eps that nobody documents
    "tinygrad": {"algorithm/accumulator"},  # the square added twice
    "tinygrad/realized": {"lr-decay/schedule"},  # T as it first was
    "paddle": {"state-dict/bytes"},
    "torch/functional-optimizer": {"none-vs-zero/none-skips"},
    "deepspeed": {"layout/strided-param"},
    "fbgemm/row-wise": {"weight-decay/coupled"},
    "torchrec/row-wise": {"groups/add"},
    "dgl": {"algorithm/update", "sparse/duplicates-summed"},
    "dgl/zero-grad": {"sparse/duplicates-summed"},
    "dgl/distributed": {"algorithm/accumulator"},  # sqrt(S) + eps in its place
    "biggraph/row-wise": {"groups/add"},
    "adagradw/single": {"groups/add"},
    "adagradw/foreach": {"gradients/untouched", "sparse/update"},
    "downhill": {"algorithm/update", "numerics/eps"},  # eps inside the root
    "tfjs": {"none-vs-zero/interleaved"},
    "pennylane": {"parameters/defaults"},
}


def broken(stream):
    return {r["requirement"] for r in stream.checks if r["status"] not in FINE}


def test_the_map_is_as_wide_as_it_says():
    languages = {
        s.targets[0]["language"].split("(")[0].strip() for s in STREAMS.values()
    }
    assert len(STREAMS) >= 40
    assert {"Python", "JavaScript", "C++", "C", "Rust"} <= languages


@pytest.mark.parametrize("target", STREAMS)
def test_a_record_is_of_one_registered_port_in_full(target):
    stream = STREAMS[target]
    assert target in PORTS
    assert len(stream.targets) == 1
    assert stream.header["only"] is None
    assert stream.header["date"] >= "2026-11-22"
    assert len(stream.checks) > 900
    assert "problem" not in stream.targets[0]


@pytest.mark.parametrize("target", KNOWN)
def test_a_known_fault_is_found_by_an_ordinary_requirement(target):
    assert KNOWN[target] <= broken(STREAMS[target])


@pytest.mark.parametrize("target", STREAMS)
def test_what_was_found_has_a_reproducer(target):
    """Each fault has its script; what no fault covers has one for each requirement."""
    folder = ROOT / "reproducers" / file_name(target)
    for fault in STREAMS[target].targets[0].get("faults", ()):
        assert fault["confirmed"], fault
        assert (ROOT / fault["script"]).is_file()
    failed = [r for r in STREAMS[target].checks if r["status"] not in FINE]
    loose = [r for r in failed if r["level"] != "MAY" and "fault" not in r]
    wrong = {r["requirement"] for r in loose}
    if not wrong:
        assert not folder.exists()
        return
    index = (folder / "README.md").read_text()
    for requirement in wrong:
        assert f"## {requirement} (" in index, requirement


IN_SEVERAL_PROCESSES = {"torch/dtensor", "torch/zero-redundancy"}


def test_scripts_of_ports_with_a_syntax_use_the_port_alone():
    """Ports that need several processes are the exception: the suite starts them."""
    alone, with_suite = 0, set()
    for target in (name for name, port in PORTS.items() if port.syntax):
        for path in (ROOT / "reproducers" / file_name(target)).glob("*.py"):
            text = path.read_text()
            ast.parse(text)
            assert "/root/" not in text
            if "adagrad_conformance" in text:
                with_suite.add(target)
            else:
                alone += 1
    assert with_suite <= IN_SEVERAL_PROCESSES
    assert alone >= 10


SCRIPTS = sorted((ROOT / "reproducers").glob("*/*.py"))
BY_HAND = [
    path for path in SCRIPTS if "adagrad_conformance.by_hand" in path.read_text()
]


def test_scripts_by_hand_still_drive_an_adapter(monkeypatch):
    """NumPy's port takes the place of each that is not installed here; it is right by
    the document, and has other values where a port has another dialect."""
    monkeypatch.setattr(by_hand, "load_adapter", lambda target: NumpyAdapter())
    passed = 0
    for path in BY_HAND:
        try:
            exec(compile(path.read_text(), path.name, "exec"), {})
        except (AssertionError, by_hand.Refused):
            continue
        passed += 1
    assert passed > len(BY_HAND) / 4


@pytest.mark.parametrize("name", ["torch/functional", "torch/dtensor"])
def test_a_script_of_a_port_that_is_here_still_ends_in_its_fault(name, tmp_path):
    """The first of its scripts, with the index as it was recorded."""
    folder = ROOT / "reproducers" / file_name(name)
    script = min(folder.glob("*.py"))
    for path in (script, folder / "README.md"):
        shutil.copy(path, tmp_path)
    assert script_troubles(name, tmp_path) == {}


def test_the_report_is_made_of_records_alone():
    text = report_text(list(STREAMS.values()), None)
    assert all(f"| `{target}` |" in text for target in STREAMS)
    assert all(name in text for name in UNAVAILABLE)
