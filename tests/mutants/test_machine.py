"""Mutants by machine: the watching port is right and sees what meets; faults show."""

from __future__ import annotations

import functools
import itertools
import json
import warnings

import machine
import machine_ports
import pytest
import torch
from machine import Field, fails, pairs, pairs_in_formats, triples
from machine_ports import FAULTS, INDEX, fault_of, mask_of, name_of, wrong_where

from adagrad_conformance.checks.meetings.rows import read_rows
from adagrad_conformance.checks.meetings.space import is_large
from adagrad_conformance.checks.meetings.writing import scenario_of

#: Rows without large params or crowds, which are played in a few milliseconds.
QUICK = [row for row in read_rows() if not any(map(is_large, row.values.items()))]
#: With a rate, since a fault of the param cannot be seen without one.
SOME = [row for row in QUICK if row.values["lr"] != "zero"][::11]


@pytest.fixture(autouse=True)
def quiet():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch.set_num_threads(threads)


@functools.cache
def field():
    found = Field([scenario_of(row) for row in SOME])
    assert found.met  # raises where the watching port, which is right, is accused
    return found


def seen(values):
    """The features of a row as a port can see them."""
    return mask_of(
        (name, "fresh" if value.startswith("fresh-") else value)
        for name, value in values.items()
    )


def features(mask):
    return [feature for feature, number in INDEX.items() if mask >> number & 1]


def test_the_port_sees_all_that_a_row_names_at_one_step():
    met = {scenario.id: masks for scenario, masks in field().met}
    for row in SOME:
        wanted = seen(row.values)
        assert any(mask & wanted == wanted for mask in met[row.id]), row.id


def met_pairs():
    """Pairs that meet on the field, from all over the list."""
    found = [some for some in pairs() if next(field().meeting(some), None)]
    assert len(found) > 2_000
    return found[:: len(found) // 60]


def test_mutants_of_pairs_that_meet_are_caught():
    outcomes = [field().outcome(some) for some in met_pairs()]
    assert outcomes == ["caught"] * len(outcomes)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_each_fault_shows_in_each_format(fault, monkeypatch):
    monkeypatch.setattr(machine_ports, "fault_of", lambda features: fault)
    for fmt in ("binary64", "binary32", "bfloat16", "binary16"):
        some = (("format", fmt), ("lr", "ordinary"))
        assert field().outcome(some) == "caught", fmt


def test_without_a_fault_a_mutant_is_missed(monkeypatch):
    monkeypatch.setattr(machine_ports, "fault_of", lambda features: lambda *given: None)
    (some, *_) = met_pairs()
    scenario = next(field().meeting(some))
    alone = Field([scenario])
    assert alone.outcome(some) == "missed"


def test_a_mutant_is_right_where_its_features_do_not_meet():
    (some, *_) = met_pairs()
    elsewhere = [s for s, _ in field().met if s not in set_of(field().meeting(some))]
    assert elsewhere
    assert not any(fails(wrong_where(some), s) for s in elsewhere[:6])
    assert Field(elsewhere[:6]).outcome(some) == "unmet"


class set_of(list):
    """Scenarios, in which one is looked up by its id."""

    def __contains__(self, scenario):
        return any(scenario.id == other.id for other in self)


def test_without_a_rate_the_fault_is_one_of_the_sum():
    for _, other in itertools.product([0], INDEX):
        if other[0] != "lr":
            assert fault_of((("lr", "zero"), other)).__name__.startswith("sum")
    chosen = {fault_of((("lr", "large"), other)) for other in INDEX}
    assert chosen == set(FAULTS)


def test_pairs_and_triples_are_of_different_dimensions():
    for some in itertools.chain(pairs(), itertools.islice(triples(), 5_000)):
        assert len({name for name, _ in some}) == len(some)
    assert len(set(pairs())) == len(list(pairs())) > 4_000
    for fmt, one, other in itertools.islice(pairs_in_formats(), 5_000):
        assert fmt[0] == "format" != one[0] != other[0]


def test_a_sample_is_the_same_each_time_and_nothing_in_it_is_excluded():
    sample = machine._sampled(triples(), 50)
    assert sample == machine._sampled(triples(), 50)
    assert len(set(sample)) == 50
    assert not any(map(machine._reason, sample))


def test_the_command_adds_its_figures_to_the_file(tmp_path, monkeypatch, capsys):
    few = [
        (("format", "binary64"), ("lr", "large")),
        (("shape", "line"), ("lr", "large")),
    ]
    never = (("number", "complex"), ("kind", "rows"))
    monkeypatch.setattr(machine, "pairs", lambda: [*few, never])
    monkeypatch.setattr(machine, "pairs_in_formats", lambda: [])
    monkeypatch.setattr(machine, "triples", lambda: [])
    monkeypatch.setattr(Field, "of_the_meetings", classmethod(lambda cls: field()))
    path = tmp_path / "power.json"
    path.write_text('{"suite": "1"}')
    assert machine.main([str(path), "--quick", "--jobs", "2"]) == 0
    data = json.loads(path.read_text())
    assert data["suite"] == "1"
    assert data["machine"]["pairs"] == {
        "mutants": 2,
        "caught": 2,
        "unmet": [],
        "missed": [],
    }
    assert data["machine"]["excluded"] == {"complex gradients by rows are a SHOULD": 1}
    assert "pairs: 2 of 2 caught" in capsys.readouterr().out


def test_what_is_missed_is_named(monkeypatch):
    some = (("format", "binary64"), ("lr", "large"))
    found = machine._counted(Field([]), [some], 1)
    assert found == {"mutants": 1, "caught": 0, "unmet": [name_of(some)], "missed": []}
