"""Ports of embeddings and graphs around torch, played where they are built.

Each must fail in just those requirements in which the published package is at fault,
and a script that uses the package alone must fail as the port did.
"""

import pytest
from port_kit import environment_of, failed, run

from adagrad_conformance.reproducers.writing import file_name
from adagrad_conformance.reproducers.verification import script_troubles

REFUSED = "refused what is legal: "
WRONG_S = "S is a value that no legal evaluation gives"
WRONG_THETA = "theta is a value that no legal evaluation gives"
CHANGED = "the gradient changed though it must keep every bit"

#: Port -> the checks to play -> requirement at MUST -> words of the failure.
FAULTS = {
    "dgl": {
        # documented: added to the denominator; it is added to S
        "algorithm/eps-outside-root/*": {"algorithm/update": WRONG_THETA},
        # lookups of earlier steps are dropped, by zero_grad
        "algorithm/zero-lr-accumulates/*": {},
    },
    "dgl/zero-grad": {
        "sparse/duplicates/*": {"sparse/duplicates-summed": WRONG_S},
        # the embedding keeps the accumulators of the optimizer that is used
        "groups/two-optimizers/*": {},
        "state-dict/bytes/*": {},
        "[an]*/binary32": {},
    },
    "dgl/distributed": {
        # what is stored is an alias, of which the root is taken in place
        "algorithm/eps-outside-root/*": {"algorithm/update": WRONG_S},
    },
    "biggraph/row-wise": {
        "groups/added-later/*": {"groups/add": REFUSED + "KeyError: 'step'"},
        "[alw]*/binary32": {},
    },
    "adagradw/single": {
        "groups/added-later/*": {"groups/add": REFUSED + "KeyError: 'sum'"},
        "[alw]*/binary32": {},
    },
    "adagradw/foreach": {
        # its products take the place of the caller's gradients
        "weight-decay/coupled/*": {"weight-decay/coupled": CHANGED},
        # maximize is not handed on to the sparse path
        "sparse/ascends/*": {"sparse/update": WRONG_THETA},
        "algorithm/update/*": {},
    },
}


@pytest.mark.parametrize(
    ("port", "only", "due"),
    [
        pytest.param(port, only, due, id=f"{port}: {only}")
        for port, plays in FAULTS.items()
        for only, due in plays.items()
    ],
)
def test_a_port_has_its_faults_and_no_other(port, only, due, tmp_path):
    environment_of(port)
    scripts = tmp_path / "scripts"
    more = ("--reproducers", scripts) if due else ()
    found = failed(run(port, tmp_path, "--level", "must", "--only", only, *more))
    assert set(found) == set(due)
    for requirement, words in due.items():
        assert found[requirement].startswith(words), found[requirement]
    if due:
        place = scripts / file_name(port)
        written = {script.stem for script in place.iterdir()}
        assert {name.replace("/", "-") for name in due} <= written
        assert script_troubles(port, place) == {}
