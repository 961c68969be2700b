"""Ports around torch: those of this Python always, others where they are built.

Each must fail in just those requirements in which the published package is at fault,
and a script that uses the package alone must fail as the port did.
"""

import os

import pytest
from port_kit import environment_of, failed, run

from adagrad_conformance.adapters.base import Reading
from adagrad_conformance.adapters.published.torch_distributed_port import dtensor
from adagrad_conformance.reproducers.writing import file_name
from adagrad_conformance.reproducers.verification import script_troubles
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Group, New, Step, Tensor

REFUSED = "refused what is legal: "
WRONG_S = "S is a value that no legal evaluation gives"
WRONG_THETA = "theta is a value that no legal evaluation gives"

#: Port -> the checks to play -> requirement at MUST -> words of the failure.
HERE = {
    "torch/functional": {"[ans]*/binary32": {}},
    "torch/functional-optimizer": {
        # private code, of which nothing is promised: its faults are observed
        "none-vs-zero/none-first/*": {},
        "complex/one-part/*": {},
        "numerics/*/binary32": {},
    },
    "torch/zero-redundancy": {
        # the other rank's strided param is broadcast as if it were dense
        "layout/after-load/*": {"layout/strided-param": WRONG_THETA},
        # no page says what a refused load leaves
        "state-dict/mismatch-of-groups/*": {},
        "[agw]*/binary32": {},
    },
    "torch/dtensor": {
        # view_as_real of a replicated complex scalar
        "meetings/241/binary32": {
            "numerics/meetings": REFUSED + "RuntimeError: tuple index out of range"
        },
        "[aw]*/binary32": {},
        "maximize/*/binary32": {},
    },
}
ELSEWHERE = {
    "deepspeed": {
        "layout/transposed-param/*": {"layout/strides-differ": WRONG_S},
        # gradients that are not given anew, which the port has changed
        "none-vs-zero/*/binary32": {},
        "closure/*/binary32": {},
        "[agsw]*/binary32": {},
    },
    "torchrec/row-wise": {
        "groups/added-later/binary32": {"groups/add": REFUSED + "KeyError: 'sum'"},
        "[alw]*/binary32": {},
    },
    "bitsandbytes/32-bit": {
        "*-*/*/binary32": {},
    },
    "bitsandbytes/8-bit": {
        # a state in 8 bits, as it is documented
        "sizes/large/binary32": {},
        "algorithm/*/binary32": {},
    },
    "fbgemm/exact": {"*": {}},
    "fbgemm/row-wise": {
        # its kernel for the CPU leaves weight decay out
        "weight-decay/coupled/*": {"weight-decay/coupled": WRONG_S},
        "algorithm/*/binary32": {},
    },
    "libtorch": {
        "groups/added-later/*": {"groups/add": REFUSED},
        "groups/duplicate*": {},  # no page says that it is refused
        "[alnw]*/binary32": {},
    },
}


def flat(faults):
    return [
        pytest.param(port, only, due, id=f"{port}: {only}")
        for port, plays in faults.items()
        for only, due in plays.items()
    ]


def has_its_faults(port, only, due, folder):
    scripts = folder / "scripts"
    more = ("--reproducers", scripts) if due else ()
    found = failed(run(port, folder, "--level", "must", "--only", only, *more))
    assert set(found) == set(due)
    for requirement, words in due.items():
        assert found[requirement].startswith(words), found[requirement]
    if due:
        place = scripts / file_name(port)
        assert {name.replace("/", "-") for name in due} <= {
            x.stem for x in place.iterdir()
        }
        assert script_troubles(port, place) == {}


@pytest.mark.parametrize(("port", "only", "due"), flat(HERE))
def test_a_port_here_has_its_faults_and_no_other(port, only, due, tmp_path):
    has_its_faults(port, only, due, tmp_path)


@pytest.mark.parametrize(("port", "only", "due"), flat(ELSEWHERE))
def test_a_port_elsewhere_has_its_faults_and_no_other(port, only, due, tmp_path):
    environment_of(port)
    has_its_faults(port, only, due, tmp_path)


def one_param(adapter):
    fmt = FORMATS["binary64"]
    p, g = (Tensor("binary64", (3,), (fmt.encode(x),) * 3) for x in (1.0, 2.0))
    adapter.begin({"p": p})
    adapter.perform(New("A", (Group(("p",)),), {"lr": 0.5, "eps": 0.5}))
    adapter.perform(Step("A", {"p": g}))
    return adapter.read("A")["p"]


def test_the_other_rank_ends_with_this_one_and_comes_again():
    adapter = dtensor()
    first = one_param(adapter)
    assert first.theta.values() == pytest.approx([0.6] * 3)
    assert isinstance(first, Reading)
    peer = adapter.peer
    os.kill(peer.process.pid, 9)
    with pytest.raises(Exception, match=r"."):
        one_param(adapter)
    assert not peer.folder.exists()
    assert one_param(adapter) == first
    peer = adapter.peer
    peer.process.stdin.close()  # as when this process ends
    assert peer.process.wait(60) == 0
    adapter._end()
    assert not peer.folder.exists()
