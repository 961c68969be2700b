"""downhill, played where it is built: eps is not where its documentation has it.

Judged with eps inside the root it must have no fault, in any check that it can play.
"""

from port_kit import environment_of, failed, run

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


def test_inside_the_root_all_is_right(tmp_path):
    environment_of("downhill/eps-inside")
    played = run("downhill/eps-inside", tmp_path)
    assert {record["status"] for record in played} == {"pass"}
    formats = {record["scenario"].rsplit("/", 1)[-1] for record in played}
    assert {"binary64", "binary32", "binary16"} <= formats
