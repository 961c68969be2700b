"""downhill, played where it is built: eps is not where its documentation has it.

Judged with eps inside the root it must have one fault, in all that it can play: it
takes no param without dimensions.
"""

from pathlib import Path

import pytest
from port_kit import environment_of, failed, run

from adagrad_conformance.reports.recorded.faults import confirm, faults_of
from adagrad_conformance.reproducers.verification import script_troubles

WRONG_THETA = "theta is a value that no legal evaluation gives"


def test_eps_is_not_where_it_is_documented(tmp_path):
    environment_of("downhill")
    scripts = tmp_path / "scripts"
    only = ("--level", "must", "--only", "algorithm/eps-outside-root/*")
    found = failed(run("downhill", tmp_path, *only, "--reproducers", scripts))
    assert set(found) == {"algorithm/update"}
    assert found["algorithm/update"].startswith(WRONG_THETA)
    place = scripts / "downhill"
    assert [path.name for path in place.glob("*.py")] == ["algorithm-update.py"]
    assert script_troubles("downhill", place) == {}


FAULT_FILES = Path(__file__).parents[2] / "ports"


@pytest.mark.parametrize("port", ["downhill", "downhill/eps-inside"])
def test_each_fault_is_confirmed_by_a_script_and_its_control(port):
    environment_of(port)
    for fault in faults_of(port, FAULT_FILES):
        confirmed = confirm(fault, FAULT_FILES)
        assert confirmed.confirmed, confirmed.trouble


def test_inside_the_root_all_is_right_but_scalars(tmp_path):
    environment_of("downhill/eps-inside")
    played = run("downhill/eps-inside", tmp_path)
    (scalars,) = faults_of("downhill/eps-inside", FAULT_FILES)
    wrong = [record for record in played if record["status"] != "pass"]
    assert wrong
    assert [r["scenario"] for r in wrong if not scalars.covers_record(r)] == []
    formats = {record["scenario"].rsplit("/", 1)[-1] for record in played}
    assert {"binary64", "binary32", "binary16"} <= formats
