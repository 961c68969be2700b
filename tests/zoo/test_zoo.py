"""Right ports of every kind pass every MUST of the whole suite."""

from __future__ import annotations

import functools
import os

import pytest
from c_programs import compile_all, compiler
from c_zoo import c_port
from legal_ports import LEGAL
from master_weights import MasterAdapter, MasterWeights, MasterWeightsHidden
from mutant_kit import adapter
from numpy_zoo import FLUSHING, NUMPY_ZOO, HidesState
from torch_zoo import TORCH_ZOO, CountsInBinary32, CountsInTensor, LateState
from zoo_kit import ZooAdapter, accused, assert_right, default_checks, verdicts

from adagrad_conformance.adapters.torch_optim import TorchAdapter, evidently_lacks
from adagrad_conformance.checks.kinds import needed_claims
from adagrad_reference.formats import FORMATS

#: Ports that work in binary16 throughout: the default eps is 0 there.
DEFAULT_EPS = {"special-values/default-eps/binary16"}
SHOULD = {
    "EveryStepRounded": DEFAULT_EPS,
    "Fused": DEFAULT_EPS,
    "ScalarsInFormat": DEFAULT_EPS,
    "PythonFloats": DEFAULT_EPS,
    "LateState": {  # it loads as torch's base class does, and makes its state late
        "torch/refuses-other-shape",
        "torch/refuses-missing-sum",
        "torch/refuses-missing-option",
        "torch/keeps-precision",
        "torch/counters-of-every-kind",
        "torch/inference-modes",
        "torch/large-counters",
        "torch/replaced-param",
        "torch/share-memory-at-any-time",
        *(
            f"state-dict/independent/{name}~initial-accumulator-value~lr-decay"
            for name in FORMATS
        ),
    },
}


def late_state():
    """A torch port whose constructor takes some options only."""
    return TorchAdapter("LateState", LateState, without=evidently_lacks(LateState))


def counts_in_binary32():
    """A port whose counter is torch's: its rate is that of binary32."""
    return TorchAdapter("binary32", CountsInBinary32, without={"binary64"})


@functools.cache
def verdicts_on_flushing(port):
    """They serve two tests."""
    return verdicts(lambda: ZooAdapter(port))


ZOO = {
    **{port.__name__: lambda port=port: adapter(port) for port in LEGAL},
    **{port.__name__: lambda port=port: ZooAdapter(port) for port in NUMPY_ZOO},
    **{port.__name__: lambda port=port: adapter(port) for port in TORCH_ZOO},
    "LateState": late_state,
}


#: Each port plays every fifth check, each another fifth; ZOO_WHOLE=1 plays them all.
SHARE = 1 if os.environ.get("ZOO_WHOLE") else 5


@pytest.mark.parametrize("name", ZOO)
def test_a_right_port_is_not_accused(name):
    checks = default_checks()[list(ZOO).index(name) % SHARE :: SHARE]
    judged = verdicts(ZOO[name], checks)
    found = set(accused(judged, "SHOULD"))
    assert found <= SHOULD.get(name, set())
    assert_right(judged, SHOULD.get(name, set()) if SHARE == 1 else found, 300 // SHARE)


def test_a_port_that_hides_its_state_is_not_accused():
    """Its boxes are carried along."""
    checks = default_checks()[::5]
    assert_right(verdicts(lambda: ZooAdapter(HidesState), checks), set(), 90)


def in_16_bits():
    """The checks of params of 16 bits."""
    narrow = {"bfloat16", "binary16"}
    return [c for c in default_checks() if needed_claims(c) & narrow]


def test_a_port_with_master_weights_is_not_accused():
    assert_right(verdicts(lambda: MasterAdapter(MasterWeights), in_16_bits()), set())


def test_a_port_with_hidden_master_weights_is_not_accused():
    judged = verdicts(lambda: MasterAdapter(MasterWeightsHidden), in_16_bits())
    assert_right(judged, set())
    assert any(v.grade == "box" for v in judged)


@pytest.mark.skipif(compiler() is None, reason="there is no C compiler here")
@pytest.mark.parametrize(
    ("fused", "order", "scalars"), [(True, 4, "rounded"), (False, 2, "in_format")]
)
def test_a_port_in_c_is_not_accused(fused, order, scalars, tmp_path):
    chosen = {
        program.fmt: program
        for program in compile_all(tmp_path).programs
        if ("-mfma" in program.build.flags) == fused
        and (program.order, program.scalars, program.root) == (order, scalars, "kept")
    }
    if len(chosen) < 4:
        pytest.skip("not every format can be compiled so here")
    judged = verdicts(lambda: ZooAdapter(c_port(chosen)), default_checks()[::5])
    assert_right(judged, set(accused(judged, "SHOULD")) & DEFAULT_EPS, 60)


# -- right ports that were accused once -----------------------------------------------


@pytest.mark.parametrize("port", FLUSHING, ids=lambda port: port.__name__)
def test_a_port_that_declares_flushing_is_not_accused(port):
    assert_right(verdicts_on_flushing(port), DEFAULT_EPS)


@pytest.mark.parametrize(
    "make", [lambda: adapter(CountsInTensor), counts_in_binary32], ids=["64", "32"]
)
def test_a_port_whose_counter_is_a_tensor_is_not_accused(make):
    """lr / x of a number and a tensor is the tensor's reciprocal, times lr."""
    checks = [c for c in default_checks() if c.id.startswith("lr-decay/")]
    assert len(checks) > 50
    assert accused(verdicts(make, checks)) == {}


# -- and the zoo can tell --------------------------------------------------------------


class OffByOne(LEGAL[0]):
    """t starts at 0."""

    def rate(self, t, o):
        return super().rate(t + 1, o)


def test_a_wrong_port_would_be_accused():
    checks = [c for c in default_checks() if c.id.startswith("lr-decay/")]
    assert len(accused(verdicts(lambda: ZooAdapter(OffByOne), checks))) > 10
