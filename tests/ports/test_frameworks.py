"""Ports of frameworks, where their environments are built.

Each must fail in just those requirements in which the published package is at fault.
What a framework does to a whole format is looked at apart from the rest.
"""

import shutil

import pytest
from port_kit import environment_of, failed, run, run_reproducers

REFUSED = "refused what is legal: "
WRONG_S = "S is a value that no legal evaluation gives"
WRONG_THETA = "theta is a value that no legal evaluation gives"

#: Port -> the checks to play -> requirement at MUST -> words of the failure.
FAULTS = {
    "onnx": {"*": {}},
    "mlx/init": {"state-dict/*": {}, "[!s]*/binary32": {}},
    "mlx": {
        # what had no gradient at the first call has no state for ever
        "none-vs-zero/none-first/*": {"none-vs-zero/none-skips": REFUSED + "KeyError"},
        "lr-decay/late-param/*": {"lr-decay/own-counter": REFUSED + "KeyError"},
        "numerics/*/binary32": {},
    },
    "paddle": {
        # accumulators get other names in a second optimizer
        "state-dict/bytes/distinct-counters/binary32": {
            "state-dict/bytes": REFUSED + "AssertionError"
        },
        "weight-decay/*": {},
        "algorithm/*": {},
    },
    "mxnet": {
        # the history of a weight is binary32, whatever the weight is
        "algorithm/accumulates/*64": {"algorithm/accumulator": REFUSED + "MXNetError"},
        "algorithm/*/binary32": {},
        "none-vs-zero/*/binary32": {},
        # without elements or dimensions, by NumPy's shapes; decay of 0 that is computed
        "layout/*/binary32": {},
        "weight-decay/*/binary32": {},
    },
    "pymc": {"*": {}},
    "mindspore/nn": {
        # the eps of its formula, which is added to the root, stands inside it
        "algorithm/small-options/binary32": {"algorithm/all-inputs": WRONG_THETA},
        "algorithm/update/binary64": {"algorithm/update": WRONG_S},
        "algorithm/update/binary32": {},
        "layout/size-*/binary32": {},  # of size 0 none is promised
    },
    "mindspore/experimental": {
        "algorithm/update/binary16": {"algorithm/update": WRONG_S},
        "groups/added-later/binary32": {"groups/add": "claims 'state'"},
        "layout/size-*/binary32": {},  # of size 0 none is promised
        "lr-decay/step-*/binary32": {},
    },
    "tinygrad": {
        "algorithm/update/binary32": {"algorithm/update": WRONG_S},
    },
    "tinygrad/realized": {
        "algorithm/update/binary32": {},
        "lr-decay/five-steps/binary32": {"lr-decay/schedule": WRONG_THETA},
    },
}


@pytest.mark.parametrize(
    ("port", "only", "due"),
    [(port, only, due) for port, all_ in FAULTS.items() for only, due in all_.items()],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_framework_has_its_faults_and_no_other(port, only, due, tmp_path):
    environment = environment_of(port)
    if port.startswith("tinygrad") and shutil.which("clang") is None:
        pytest.skip("tinygrad needs clang: apt-get install clang")
    scripts = tmp_path / "scripts"
    more = ("--reproducers", scripts) if due else ()
    played = run(port, tmp_path, "--level", "must", "--only", only, *more)
    found = failed(played)
    assert set(found) == set(due)
    for requirement, words in due.items():
        assert found[requirement].startswith(words), found[requirement]
    if due:
        ends = run_reproducers(environment.python, scripts)
        assert {name.replace("/", "-") for name in due} <= set(ends)
