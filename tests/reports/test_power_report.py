"""The report's part on what the suite catches, from a small matrix made by hand."""

from __future__ import annotations

import pytest

from adagrad_conformance.reports.figures.fault_power import fault_section
from adagrad_conformance.reports.figures.power import power_section
from adagrad_conformance.requirements.table import REQUIREMENTS

UPDATE, STRIDES, OWN = (
    "algorithm/update",
    "layout/strides-differ",
    "groups/own-initial-accumulator",
)
METHODS = ("allclose", "assert-close", "grid", "grid-16-bit", "usual-tests")


def counts(**found):
    return {name: found.get(name.replace("-", "_"), [0, 0, 1]) for name in METHODS}


def mutant(name, kind, level, caught, margin="inf", **more):
    requirements = {"MUST": {}, "SHOULD": {}, "MAY": {}}
    if level:
        requirements[level] = {r: [1, 2, margin] for r in caught}
    return {
        "name": name,
        "kind": kind,
        "wrong": f"{name} is <wrong>.",
        "named": list(caught),
        "caught_at": level,
        "first": level and ["some/check", caught[0]],
        "foremost": list(caught) if level else [],
        "margin": margin if level else None,
        "checks": {"MUST": [1, 9], "SHOULD": [0, 2], "MAY": [0, 1]},
        "requirements": requirements,
        "baselines": counts(),
        **more,
    }


def right(name, failed=0, **found):
    row = mutant(name, None, None, ())
    for key in ("kind", "wrong", "named"):
        del row[key]
    checks = {"MUST": [failed, 9], "SHOULD": [0, 2], "MAY": [0, 1]}
    return row | {"checks": checks, "baselines": counts(**found)}


@pytest.fixture
def data():
    return {
        "mutants": [
            mutant(
                *("a/Gross", "formula", "MUST", (UPDATE, STRIDES)),
                baselines=counts(allclose=[1, 1, 1], grid_16_bit=[9, 0, 9]),
            ),
            mutant("a/Fine", "numerics", "MUST", (UPDATE,), margin=3.25),
            mutant("a/Finer", "numerics", "MUST", (UPDATE,), margin=0.5),
            mutant(*("b/Own", "state", "SHOULD", (OWN,))),
        ],
        "right": [right("right/numpy"), right("right/torch", grid_16_bit=[9, 0, 9])],
        "uncovered": dict.fromkeys(REQUIREMENTS, "no * device"),
    }


def lines(data):
    return list(power_section(data))


def row(data, start):
    """The cells of the first table row that starts so."""
    found = next(line for line in lines(data) if line.startswith(f"| {start}"))
    return [text.strip() for text in found.strip("|").split("|")]


def test_summary(data):
    text = "\n".join(lines(data))
    assert "- mutants: 4, caught: 4" in text
    assert "- caught at MUST: 3" in text
    assert "- caught at SHOULD only: 1" in text
    assert "- right ports that pass every MUST: 2 of 2" in text
    assert "**" not in text.split("###")[0]


def test_what_is_amiss_stands_out(data):
    data["mutants"].append(mutant("c/Missed", "rate", None, (UPDATE,)))
    data["mutants"].append(
        {"name": "c/Hung", "kind": "rate", "named": [], "problem": "did not end"}
    )
    data["right"].append(right("right/accused", failed=1))
    text = "\n".join(lines(data))
    assert "**not caught**: `c/Missed`, `c/Hung`" in text
    assert "**not caught by all that should**: `c/Missed`" in text
    assert "**right ports accused**: `right/accused`" in text
    assert "2 of 3" in text
    cells = row(data, "this suite")[1:]
    assert cells == ["4 of 6", "4 of 6", "1 of 3", "1 of 27 checks"]


def test_each_class_has_its_counts(data):
    assert row(data, "numerics")[1:5] == ["2", "2", "0", "0"]
    assert row(data, "state")[1:5] == ["1", "0", "1", "0"]


def test_alarms_that_accuse_right_ports_are_told_apart(data):
    assert row(data, "allclose")[1:] == ["1 of 4", "1 of 4", "0 of 2", "none"]
    cells = row(data, "grid-16-bit")[1:]
    assert cells == ["1 of 4", "0 of 4", "1 of 2", "9 of 10 comparisons"]


def test_requirements_show_what_they_alone_catch(data):
    text = "\n".join(lines(data))
    assert "update 3 (2)" in row(data, "algorithm")[1]
    assert "strides-differ 1" in row(data, "layout")[1]
    assert "strides-differ 1 (" not in text
    assert "own-initial-accumulator 1 (1)" in row(data, "groups")[1]


def test_requirements_that_catch_nothing_stand_out(data):
    del data["uncovered"]["paper/regret-bound"]
    text = "\n".join(lines(data))
    assert "**any-size 0**" in row(data, "layout")[1]
    assert "- `layout/any-size`: no \\* device" in text
    assert "- `paper/regret-bound`: **no reason is known**" in text
    assert f"- `{UPDATE}`" not in text


def test_nearest_are_in_order_and_finite(data):
    text = "\n".join(lines(data)).split("### Nearest")[1]
    assert text.index("a/Finer") < text.index("a/Fine`")
    assert "| `a/Finer` | a/Finer is &lt;wrong>. | 0.5 | `some/check` |" in text
    assert "a/Gross" not in text


def test_it_is_short_enough_for_the_report(data):
    data["mutants"] *= 100
    data["uncovered"] = {}
    caught = {name: [1, 1, 1.0] for name in REQUIREMENTS}
    data["mutants"][0] = data["mutants"][0] | {"requirements": {"MUST": caught}}
    assert len(lines(data)) < 150


def test_faults_of_one_bug_and_of_several():
    def one(name, faults, left=0):
        keys = ("fault", "kind", "place", "complaints", "open")
        faults = [dict(zip(keys, fault, strict=True)) for fault in faults]
        complaints = left + sum(fault["complaints"] for fault in faults)
        row = {"names": [name], "kinds": ["formula"], "faults": faults}
        return {**row, "complaints": complaints, "unexplained": left}

    rows = [
        one("a/Right", [["eps", "formula", "", 19, False]], 1),
        one(
            "a/Two", [["x", "rate", "", 5, False], ["y", "state", "formula", 5, False]]
        ),
        one("a/Place", [["x", "rate", "formula", 5, False]]),
        one("a/Open", [["x", "formula", "", 6, True]]),
        one("a/Silent", [], 4),
        {"names": ["a/Hung"], "kinds": ["rate"], "problem": "did not end"},
        one("a/Passes", []),
    ]
    pairs = [{"named": [True, True]}, {"named": [True, False]}]
    text = "\n".join(fault_section({"mutants": rows, "pairs": pairs}))
    for words in (
        "| wrong ports that fail | 5 of 7 played |",
        "| faults reported, median | 1 |",
        "| faults reported, nine tenths of the ports | up to 2 |",
        "| first fault of the right class | 3 of 5 (60.0 %) |",
        "| of them by what is wrong, not by where | 2 of 5 (40.0 %) |",
        "| first fault right, with a cause and seven tenths of the complaints | 2 of 5 "
        "(40.0 %) |",
        "| some fault of the right class | 4 of 5 (80.0 %) |",
        "| one fault explains nine tenths of the complaints | 3 of 5 (60.0 %) |",
        "| complaints that no fault explains | 11 of 45 (24.4 %) |",
        "| two bugs: all named | 1 of 2 (50.0 %) |",
        "- **did not end**: `a/Hung`",
        "- told to be without an explanation: `a/Silent`",
    ):
        assert words in text, text
    assert "three bugs" not in text
