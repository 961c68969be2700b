"""`run --scenario FILE`: what can be played, and what cannot."""

from __future__ import annotations

import copy
import json

import pytest
from cli_kit import SHIPPED, cli, complains, played

from adagrad_conformance.cli.running import run as run_command
from adagrad_conformance.errors import UserError
from adagrad_conformance.reports.stream import read_stream

# -- one scenario from a file --------------------------------------------------------


def shipped(name="algorithm/update/binary64"):
    return copy.deepcopy(SHIPPED.raw[name])


def write_json(path, data):
    path.unlink(missing_ok=True)  # writing over a file can be slow
    path.write_text(json.dumps(data))
    return path


def test_a_scenario_file_is_played_alone(known, tmp_path):
    path = write_json(tmp_path / "s.json", {**shipped(), "id": "mine/first"})
    out = tmp_path / "out.json"
    assert cli("run", "numpy", "--scenario", path, "--json", out).exit_code == 0
    assert played(out) == ["mine/first"]


def test_what_vectors_show_prints_is_a_scenario_file(known, tmp_path):
    path = tmp_path / "s.json"
    path.write_text(cli("vectors", "show", "groups/own-options/binary32").output)
    assert cli("run", "numpy", "--scenario", path).exit_code == 0


@pytest.mark.parametrize("name", ["Right", "Closed"])
def test_an_edited_vector_is_judged_by_what_it_says_now(known, ports, tmp_path, name):
    """The id is that of a shipped vector, the numbers are not."""
    data = shipped("algorithm/eps-outside-root/binary64")
    step = data["events"][-1]["gradients"]["p"]
    step["bits"] = ["4000000000000000"] * len(step["bits"])
    path = write_json(tmp_path / "s.json", data)
    result = cli("run", ports + name, "--scenario", path)
    assert result.exit_code == 0, result.output


def test_a_failed_fresh_scenario_can_be_played_again(known, ports, tmp_path):
    out = tmp_path / "out.json"
    args = ["--only", "fresh/*", "--fresh", "2", "--seed", "5", "--json", out]
    assert cli("run", ports + "Twice", *args).exit_code == 1
    failed = [c for c in read_stream(out).checks if c["status"] == "fail"]
    path = write_json(tmp_path / "s.json", failed[0]["reproducer"])
    again = tmp_path / "again.json"
    args = ["--scenario", path, "--json", again]
    assert cli("run", ports + "Twice", *args).exit_code == 1
    check = read_stream(again).checks[0]
    for key in ("scenario", "message", "observed", "expected", "event", "element"):
        assert check[key] == failed[0][key]
    assert cli("run", "numpy", "--scenario", path).exit_code == 0


def test_a_scenario_file_that_is_not_there(known, tmp_path):
    path = tmp_path / "no.json"
    complains(cli("run", "numpy", "--scenario", path), 2, "cannot read", path)


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "null", '"x"', "{}", "\udcff"])
def test_a_scenario_file_that_holds_none(known, tmp_path, text):
    path = tmp_path / "s.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    complains(cli("run", "numpy", "--scenario", path), 2, path, "no scenario")


def impossible(change):
    data = shipped()
    change(data)
    return data


IMPOSSIBLE = {
    "an unknown param": lambda d: d["events"][0]["groups"][0].update(params=["x"]),
    "an unknown optimizer": lambda d: d["events"][-1].update(optimizer="B"),
    "an unknown event": lambda d: d["events"][-1].update(do="leap"),
    "another shape": lambda d: d["events"][-1]["gradients"]["p"].update(shape=[2, 2]),
    "bits of another format": lambda d: d["tensors"]["p"].update(format="binary16"),
    "an unknown format": lambda d: d["tensors"]["p"].update(format="binary8"),
    "nothing saved": lambda d: d["events"].append(
        {"do": "load", "optimizer": "A", "name": "s", "via": "bytes"}
    ),
    "an unknown way": lambda d: d["events"].extend(
        [
            {"do": "save", "optimizer": "A", "name": "s"},
            {"do": "load", "optimizer": "A", "name": "s", "via": "telepathy"},
        ]
    ),
    "no group": lambda d: d["events"].append(
        {"do": "set-option", "optimizer": "A", "group": 1, "option": "lr",
         "value": {"bits": "3ff0000000000000"}}
    ),
    "a group that is no number": lambda d: d["events"].append(
        {"do": "set-option", "optimizer": "A", "group": "0", "option": "lr",
         "value": {"bits": "3ff0000000000000"}}
    ),
    "a counter that is none": lambda d: d["events"][1].update(t="5"),
    "a negative counter": lambda d: d["events"][1].update(t=-5),
    "an unknown level": lambda d: d.update(level="PERHAPS"),
    "a requirement that is no text": lambda d: d.update(requirements=[{}]),
    "an option that is no number": lambda d: d["events"][0]["options"].update(lr=True),
    "no events": lambda d: d.update(events=[]),
}  # fmt: skip


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_an_impossible_scenario(known, tmp_path, what):
    path = write_json(tmp_path / "s.json", impossible(IMPOSSIBLE[what]))
    complains(cli("run", "numpy", "--scenario", path), 2, path)


def spoiled(data):
    """Copies of a JSON value in which one thing has become another."""

    def walk(node, path):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            yield (*path, key)
            if isinstance(node[key], (dict, list)):
                yield from walk(node[key], (*path, key))

    for path in walk(data, ()):
        for value in (None, 7, "x", [], {}, [None], True):
            changed = copy.deepcopy(data)
            node = changed
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = value
            yield path, value, changed


def test_whatever_a_scenario_file_holds_reading_it_ends_well(tmp_path):
    """It is a scenario, or one line says that it is none."""
    data = shipped("groups/change-lr/binary64")
    data["events"].append({"do": "zero-grad", "optimizer": "A", "set_to_none": True})
    data["events"] += shipped("state-dict/independent/binary64")["events"][-2:]
    path = tmp_path / "s.json"
    surprises = {}
    for events in (data["events"], shipped()["events"]):
        small = {**shipped(), "events": events[:3]}
        for where, value, changed in spoiled(small):
            write_json(path, changed)
            try:
                run_command._read_scenario(path)
            except UserError:
                pass
            except Exception as error:
                surprises.setdefault(type(error).__name__, (where, value, str(error)))
    assert not surprises
