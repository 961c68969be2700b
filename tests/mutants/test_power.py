"""The kill matrix of a few ports: what a row holds, and what decides it."""

from __future__ import annotations

import json
import os
import threading

import power
import pytest
import torch
from baselines import METHODS
from forked import in_forks
from matrix import matrix
from mutant_kit import adapter
from mutant_table import MUTANTS, UNCOVERED
from rows import Bench, Port, ports

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

CHOSEN = (
    "formula/EpsInsideRoot",
    "groups/GroupInitialIgnored",
    "numerics/EpsInBinary32",
    "right/numpy",
)
#: Few checks of several kinds, in which the first mutant fails both levels' checks.
FEW = (
    "algorithm/large-options/",
    "groups/own-initial-accumulator/",
    "special-values/default-eps/",
    "relations/repeatable/",
    "torch/hooks",
)


@pytest.fixture(scope="module")
def bench():
    threads = torch.get_num_threads()
    methods = {name: METHODS[name] for name in ("allclose", "assert-close")}
    yield Bench(lambda check: check.id.startswith(FEW), methods)
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def few():
    by_name = {port.name: port for port in ports()}
    return [by_name[name] for name in CHOSEN]


@pytest.fixture(scope="module")
def data(bench, few):
    return matrix(bench, few, jobs=1)


def rows(data):
    return {row["name"]: row for row in [*data["mutants"], *data["right"]]}


def test_a_row_tells_what_catches_a_mutant(data):
    row = rows(data)["formula/EpsInsideRoot"]
    assert row["caught_at"] == "MUST"
    assert row["first"] == ["algorithm/large-options/binary64", "algorithm/all-inputs"]
    failed, judged, margin = row["requirements"]["MUST"]["algorithm/all-inputs"]
    assert 0 < failed <= judged == 4
    assert margin > 1e6
    assert row["checks"]["MUST"][1] > row["checks"]["MUST"][0] >= failed


def test_a_mutant_of_a_should_is_caught_there(data):
    row = rows(data)["groups/GroupInitialIgnored"]
    assert row["caught_at"] == "SHOULD"
    assert row["requirements"]["MUST"] == {}
    assert list(row["requirements"]["SHOULD"]) == row["named"] == row["foremost"]


def test_kind_and_docstring_stand_in_the_row(data):
    row = rows(data)["numerics/EpsInBinary32"]
    assert (row["kind"], row["wrong"]) == ("numerics", "eps is a binary32 number.")


def test_right_port_fails_nothing(data):
    row = rows(data)["right/numpy"]
    assert row["caught_at"] is None
    assert row["checks"]["MUST"][0] == 0 < row["checks"]["MUST"][1]
    assert row["baselines"] == {"allclose": [0, 0, 1], "assert-close": [0, 0, 1]}


def test_what_is_shown_beside_the_rows(data):
    assert data["checks"] == {"MUST": 8, "SHOULD": 5, "MAY": 1}
    assert data["uncovered"] == UNCOVERED
    assert len(data["vectors"]) == 64


def test_any_number_of_jobs_gives_the_same_bytes(bench, few, data):
    again = matrix(bench, few, jobs=2)
    assert json.dumps(again) == json.dumps(data)


def test_a_port_that_ends_the_process_costs_its_row_alone(bench, few):
    class Leaves(type(few[-1].make())):
        def new(self, *_):
            os._exit(3)

    def raises():
        raise ZeroDivisionError

    broken = [Port("right/leaves", Leaves, ""), Port("right/raises", raises, "")]
    found = rows(matrix(bench, [*broken, few[-1]], jobs=2))
    assert found["right/leaves"]["problem"] == "its process died"
    assert found["right/raises"]["problem"] == "raised ZeroDivisionError"
    assert found["right/numpy"]["caught_at"] is None


def test_rows_do_not_depend_on_what_was_made_before(bench):
    class Mine(SingleTensorAdagrad):
        def step(self, closure=None):
            return super().step(closure)

    SingleTensorAdagrad([torch.ones(2)])  # torch wraps its step now
    assert hasattr(SingleTensorAdagrad.step, "hooked")
    mine = Port("right/mine", lambda: adapter(Mine), "")
    row = rows(matrix(bench, [mine], jobs=1))["right/mine"]
    assert row["caught_at"] is None


def test_work_without_an_end_is_ended():
    def forever(_):
        threading.Event().wait()

    (ended,) = in_forks(forever, ["task"], 1, patience=0.1)
    assert ended.problem == "did not end in 0.1 s"


def test_answers_come_with_their_task():
    found = {e.task: e.answer for e in in_forks(lambda n: n * n, [3, 4, 5], 2, 600)}
    assert found == {0: 9, 1: 16, 2: 25}


def test_alarms_that_accuse_a_right_port_are_no_evidence(bench, few):
    wrong = Port("right/wrong", lambda: adapter(MUTANTS[0].port), "")
    plus = next(port for port in ports() if port.name == "formula/PlusSign")
    sound = rows(matrix(bench, [plus, few[-1]], 2))["formula/PlusSign"]["baselines"]
    accusing = Port("right/plus", plus.make, wrong.wrong)
    unsound = rows(matrix(bench, [plus, accusing], 2))["formula/PlusSign"]["baselines"]
    assert sound["allclose"] == [1, 1, 1]
    assert unsound["allclose"] == [1, 0, 1]


def test_every_mutant_and_right_port_has_one_row():
    names = [port.name for port in ports()]
    assert len(names) == len(set(names))
    assert {mutant.name for mutant in MUTANTS} < set(names)


# -- the command -----------------------------------------------------------------------


@pytest.fixture
def small(monkeypatch, bench):
    monkeypatch.setattr(power, "Bench", lambda keep: bench)


@pytest.mark.usefixtures("small")
def test_command_writes_the_matrix(tmp_path, capsys):
    out = tmp_path / "out.json"
    assert power.main([str(out), "--only", "numerics/EpsIn*", "--jobs", "1"]) == 0
    names = [row["name"] for row in json.loads(out.read_text())["mutants"]]
    assert names == ["numerics/EpsInBinary32"]
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert "1 ports on 14 checks" in capsys.readouterr().err


def test_command_refuses_a_glob_of_nothing(tmp_path, capsys):
    assert power.main([str(tmp_path / "out.json"), "--only", "no/such"]) == 2
    assert "no port is called no/such" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
