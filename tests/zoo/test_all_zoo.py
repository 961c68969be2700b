"""No port of the zoo is accused, neither as it is nor by an author who says less."""

from __future__ import annotations

import os

import pytest
from all_zoo import SHOULD, SLOW, ZOO, known
from zoo_kit import accused, default_checks, modest, verdicts

#: Each port plays every fiftieth check, each another fiftieth; ZOO_WHOLE=1 all of them.
SHARE = 1 if os.environ.get("ZOO_WHOLE") else 50


@pytest.mark.parametrize("form", ["whole", "modest"])
@pytest.mark.parametrize("name", ZOO)
def test_a_right_port_of_the_zoo_is_not_accused(name, form):
    share = SHARE * (3 if name in SLOW and SHARE > 1 else 1)
    first = 2 * list(ZOO).index(name) + (form == "modest")
    make = ZOO[name] if form == "whole" else modest(ZOO[name])
    judged = verdicts(make, default_checks()[first % share :: share])
    assert accused(judged) == {}
    findings = accused(judged, "SHOULD")
    assert {k: v for k, v in findings.items() if not known(name, k)} == {}
    passed = sum(v.status == "pass" for v in judged if v.level == "MUST")
    assert passed >= 200 // share


def test_the_lists_name_ports_of_the_zoo():
    assert set(SHOULD) <= set(ZOO)
