"""The report's part on mutants by machine, from small figures made by hand."""

from __future__ import annotations

import pytest

from adagrad_conformance.reports.figures.machine_mutants import machine_section
from adagrad_conformance.reports.figures.power import power_section


def figures(caught=3, count=3, unmet=(), missed=()):
    return {"mutants": count, "caught": caught, "unmet": unmet, "missed": missed}


@pytest.fixture
def data():
    return {
        "scenarios": 7,
        "excluded": {"a scalar has no rows": 3, "a | b": 12},
        "pairs": figures(),
        "pairs-in-formats": figures(1999, 2000, unmet=["x a + y b"]),
        "triples": figures(9, 12, missed=[f"n{i}" for i in range(25)]),
    }


def text(data):
    return "\n".join(machine_section(data))


def test_shares_are_shown_and_100_for_all_alone(data):
    lines = text(data).splitlines()
    assert "| 3 of 3 | 100 % | 0 | 0 |" in next(
        x for x in lines if "meet: every pair" in x
    )
    assert "| 1999 of 2000 | 99.9 % | 1 | 0 |" in next(
        x for x in lines if "format alone" in x
    )
    assert "| 9 of 12 | 75.0 % | 0 | 25 |" in next(
        x for x in lines if "three features" in x
    )


def test_what_is_missed_is_named_and_long_lists_end(data):
    assert "pairs-in-formats, not met: `x a + y b`" in text(data)
    assert "triples, met and missed: `n0`, `n1`" in text(data)
    assert "`n19` and 5 more" in text(data)
    assert "`n20`" not in text(data)


def test_exclusions_come_with_their_reasons_the_most_frequent_first(data):
    shown = text(data)
    assert shown.index("- 12: a \\| b") < shown.index("- 3: a scalar has no rows")


def test_the_section_stands_in_the_part_on_power(data):
    matrix = {"mutants": [], "right": [], "uncovered": {}}
    assert "machine" not in "\n".join(power_section(matrix))
    whole = "\n".join(power_section({**matrix, "machine": data}))
    assert "### Mutants by machine" in whole
    assert "1999 of 2000" in whole
