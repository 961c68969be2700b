"""Ports that claim little and are broken: once acquitted on 19 checks of 900.

They are the C++ kit's toy port with lr and eps alone, as a new user would write it.
"""

import json

import pytest
from language_kit import build, cli, new_adapter

ALL = """\
        "binary64", "binary32", "mixed-formats", "defaults", "set-option", "lr-decay",
        "weight-decay", "initial-accumulator-value", "eps", "maximize", "zero-lr",
        "zero-eps", "zero-accumulator", "state", "state-write", "many-steps",
        "gradients", "none-gradient", "closure", "groups", "add-group", "save",
        "load-same-object", "load-deepcopy", "load-bytes", "load-new-process\""""
FEW = '        "binary32", "eps", "state", "none-gradient", "zero-lr"'

GROWS = "sum[i] += g * g;"
LOOP = "i < theta.size(); i++) {\n      double g"
RATE = "const double rate = options.lr.value_or(0.01) /"
CHANGES = {
    "right": (GROWS, GROWS),
    "stops-after-step-5": (GROWS, f"if (t <= 5) {GROWS}"),
    "first-64-elements": (LOOP, LOOP.replace("theta.size()", "theta.size() && i < 64")),
    "rate-at-most-1": (RATE, RATE.replace("options", "std::min(1.0, options", 1)),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    def run_changed(name):
        folder = tmp_path_factory.mktemp(name)
        new_adapter("cpp", folder / "a")
        source = folder / "a" / "adapter.cpp"
        text = source.read_text()
        old, new = CHANGES[name]
        if name == "rate-at-most-1":
            new = new.replace("value_or(0.01)", "value_or(0.01))")
        for before, after in ((ALL, FEW), (old, new)):
            assert text.count(before) == 1
            text = text.replace(before, after)
        source.write_text(
            text.replace("#include <cmath>", "#include <algorithm>\n#include <cmath>")
        )
        target = build("cpp", folder / "a", optimize=False)
        stream = folder / "stream.jsonl"
        done = cli("run", target, "--seed", 1, "--fresh", 2, "--json", stream)
        records = [json.loads(line) for line in stream.read_text().splitlines()]
        return done, next(r for r in records if r["record"] == "target"), records

    return run_changed


def test_the_right_one_is_conformant_on_hundreds_of_checks(run):
    done, target, records = run("right")
    assert done.exit_code == 0, done.output
    judged = [r for r in records if r.get("status") == "pass"]
    assert len(judged) > 300
    assert target["basis"]["lacking"] == []


@pytest.mark.parametrize("name", [n for n in CHANGES if n != "right"])
def test_a_broken_one_fails_at_must_with_a_fault(run, name):
    done, target, records = run(name)
    assert done.exit_code == 1, done.output
    assert any(r.get("status") == "fail" and r["level"] == "MUST" for r in records)
    assert target["explained"]["complaints"]
    assert any(r["record"] == "fault" for r in records)
