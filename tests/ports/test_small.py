"""Small ports in Python, in an environment that is built within seconds.

Each must fail in just those requirements in which the published package is at fault,
and for the reason given; a wrong declaration must be found out.  What no document of a
port promises is no fault of it.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from port_kit import environment_of, failed, run, run_reproducers

import adagrad_conformance
import adagrad_reference
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.reports.recorded.faults import confirm, faults_of
from adagrad_conformance.transport.targets import parse_target

#: Port -> requirement at MUST -> words of the failure.
FAULTS = {
    # set_params drops what a new optimizer's cache does not have yet
    "numpy-ml": {
        "state-dict/bytes": "claims 'state' but shows none",
        "state-dict/new-process": "claims 'state' but shows none",
        # set_params writes a rate that no step reads
        "groups/option-change": "theta is a value that no legal evaluation gives",
    },
    # 0.1 is documented, 0.01 is used
    "pennylane": {
        "algorithm/update": "theta is a value that no legal evaluation gives",
        "parameters/defaults": "theta is a value that no legal evaluation gives",
    },
}

#: PyDyNet computes weight decay where it is 0 too, Vowpal Wabbit leaves a weight alone
#: where its feature is not finite: dialects, for nothing says otherwise.
#: River raises where the square of a float of Python overflows: a finding.
RIGHT = ("pydynet", "river", "vowpalwabbit")

#: What else fails by the same faults: runs that are about other things.
CONSEQUENCES = {
    "numpy-ml": {
        *("algorithm/accumulator", "algorithm/all-inputs", "algorithm/long-run"),
        *("algorithm/update", "lr-decay/own-counter", "none-vs-zero/interleaved"),
        *("numerics/fresh", "numerics/meetings", "state-dict/deepcopy"),
        *("state-dict/options", "state-dict/reading", "state-dict/source-unchanged"),
    },
    "pennylane": {"numerics/meetings"},
}


@pytest.mark.parametrize("port", FAULTS)
def test_a_port_has_its_faults_and_no_other(port, tmp_path):
    environment_of(port, build=True)
    found = failed(run(port, tmp_path, "--level", "must"))
    assert set(found) == set(FAULTS[port]) | CONSEQUENCES.get(port, set())
    for requirement, words in FAULTS[port].items():
        assert found[requirement].startswith(words), found[requirement]


@pytest.mark.parametrize("port", FAULTS)
def test_reproducers_show_the_faults_by_the_port_alone(port, tmp_path):
    environment = environment_of(port, build=True)
    one = sorted(FAULTS[port])[0]
    scripts = tmp_path / "scripts"
    options = ("--level", "must", "--reproducers", scripts)
    played = run(port, tmp_path, *options, *_only(one))
    assert one in failed(played)
    ends = run_reproducers(environment.python, scripts)
    assert one.replace("/", "-") in ends


def _only(requirement):
    """Where the failures of a requirement are to be seen."""
    families = {
        "groups/option-change": "plain/lr-changed/*",
        "state-dict/bytes": "corners/*saved*",
        "algorithm/update": "algorithm/default-options/*",
    }
    return ("--only", families[requirement])


CHANGED = """
from adagrad_conformance.adapters.published.{file} import {name}


class Changed({name}):
    {lines}
"""

#: numpy-ml with a rate that the steps read, and a cache that is loaded whole.
MENDED_NUMPY_ML = """
    def set_one(self, port, option, value):
        if option == "lr":
            port.set_params({"lr_scheduler": f"ConstantScheduler(lr={value!r})"})
        super().set_one(port, option, value)

    def restore(self, port, state):
        port.cache = dict(state["cache"])
        super().restore(port, state)
"""

MENDED_PENNYLANE = """
    def make(self, params, options):
        return super().make(params, {"stepsize": 0.1, **options})
"""


def changed(file, name, lines, folder):
    """The target of an adapter with other lines, in the small environment."""
    environment = environment_of("river", build=True)
    adapter = folder / "changed.py"
    adapter.write_text(CHANGED.format(file=file, name=name, lines=lines))
    launcher = f"{adagrad_conformance.__path__[0]}/transport/bootstrap.py"
    packages = (adagrad_reference.__path__[0], adagrad_conformance.__path__[0])
    words = (environment.python, launcher, *packages, f"{adapter}:Changed")
    return "exec:" + " ".join(map(str, words))


@pytest.mark.parametrize(
    ("file", "name", "lines"),
    [
        ("numpy_ml_port", "NumpyMlAdapter", MENDED_NUMPY_ML),
        ("pennylane_port", "PennyLaneAdapter", MENDED_PENNYLANE),
    ],
    ids=["numpy-ml", "pennylane"],
)
def test_without_its_faults_a_port_passes(file, name, lines, tmp_path):
    target = changed(file, name, lines, tmp_path)
    assert failed(run(target, tmp_path, "--level", "must")) == {}


@pytest.mark.parametrize(
    ("file", "name", "line", "requirement"),
    [
        ("river_port", "RiverAdapter", 'dialect = "global-counter"', "numerics/eps"),
        ("numpy_ml_port", "NumpyMlAdapter", 'dialect = "eps-inside"', "numerics/eps"),
        ("pydynet_port", "PyDyNetAdapter", 'dialect = "decoupled"', "numerics/eps"),
        ("pennylane_port", "PennyLaneAdapter", 'constants = {"eps": 3.0}', ""),
        (
            "vowpalwabbit_port",
            "VowpalWabbitAdapter",
            'dialect, constants = "document", {"eps": 3.0}',
            "",
        ),
    ],
    ids=lambda value: value if value.endswith("_port") else "",
)
def test_a_wrong_declaration_is_found_out(file, name, line, requirement, tmp_path):
    target = changed(file, name, line, tmp_path)
    found = failed(run(target, tmp_path, "--only", "numerics/eps"))
    assert found
    assert not requirement or requirement in found


def test_without_their_environment_ports_say_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("ADAGRAD_CONFORMANCE_PORTS", str(tmp_path))
    command = [sys.executable, "-m", "adagrad_conformance", "run", "river"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    words = "adagrad-conformance ports build small"
    assert words in " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("port", RIGHT)
def test_a_port_keeps_its_word(port, tmp_path):
    environment_of(port, build=True)
    assert failed(run(port, tmp_path, "--level", "must")) == {}


@pytest.mark.parametrize(
    ("file", "name", "dialect", "only", "requirement"),
    [
        (
            *("pydynet_port", "PyDyNetAdapter", "pymc"),
            *("weight-decay/off-with-infinite-theta/*", "weight-decay/zero-is-off"),
        ),
        (
            *("vowpalwabbit_port", "VowpalWabbitAdapter", "jax-example-libraries"),
            *("special-values/*inf*", "special-values/non-finite-gradient"),
        ),
    ],
    ids=["pydynet", "vowpalwabbit"],
)
def test_without_its_declaration_it_would_be_at_fault(
    file, name, dialect, only, requirement, tmp_path
):
    target = changed(file, name, f"dialect = {dialect!r}", tmp_path)
    assert requirement in failed(run(target, tmp_path, "--only", only))


FAULT_FILES = Path(__file__).parents[2] / "ports"


@pytest.mark.parametrize("port", ["numpy-ml", "pennylane"])
def test_each_fault_is_confirmed_by_a_script_and_its_control(port):
    environment_of(port, build=True)
    faults = faults_of(port, FAULT_FILES)
    assert faults
    for fault in faults:
        confirmed = confirm(fault, FAULT_FILES)
        assert confirmed.confirmed, confirmed.trouble


@pytest.mark.parametrize("port", [*FAULTS, *RIGHT])
def test_the_small_environment_is_all_they_need(port):
    environment = environment_of(port, build=True)
    assert PORTS[port].environment == "small"
    assert parse_target(port).command[0] == str(environment.python)


def test_a_script_in_the_suite_s_own_words_runs_where_its_port_is(tmp_path):
    environment_of("river", build=True)
    script = tmp_path / "by_hand.py"
    script.write_text(
        "from adagrad_conformance.by_hand import *\n"
        "port = load_adapter('river'); port.begin({'p': tensor('binary64', [1.0])})\n"
        "port.perform(New('A', (Group(('p',)),), {'lr': 1.0}))\n"
        "port.perform(Step('A', {'p': tensor('binary64', [2.0])}))\n"
        "print(port.read('A')['p'].state_sum.values())\n"
    )
    ran = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False
    )
    assert ran.stdout == "[4.0]\n", ran.stderr
