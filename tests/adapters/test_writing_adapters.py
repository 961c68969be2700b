"""What an author of an adapter stumbles over is named, in one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from adagrad_conformance import evaluate
from adagrad_conformance.adapters.arrays import ArrayAdapter
from adagrad_conformance.adapters.bases.shadowing import shadowed
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.doctor import Doctor, examine
from adagrad_conformance.transport.loading import TargetError, load_adapter
from adagrad_conformance.transport.targets import command_under, parse_target

PORT = """
import numpy as np
from adagrad_conformance.adapters.arrays import ArrayAdapter

class Mine:
    def __init__(self, params, learning_rate=0.01, epsilon=1e-10):
        self.rate, self.eps = learning_rate, epsilon
        self.sums = {name: np.zeros_like(p) for name, p in params.items()}

    def step(self, params, gradients):
        moved = {}
        for name, g in gradients.items():
            if g is not None:
                self.sums[name] += g * g
                root = np.sqrt(self.sums[name]) + g.dtype.type(self.eps)
                moved[name] = params[name] - g.dtype.type(self.rate) * g / root
        return moved

class Adapter(ArrayAdapter):
    name, version = "mine", "1"
    claims = ArrayAdapter.PLAIN
    names = {"lr": "learning_rate", "eps": "epsilon"}

    def make(self, params, options):
        return Mine(params, **options)

    def update(self, port, params, gradients):
        return port.step(params, gradients)

    def accumulator(self, port, name):
        return port.sums[name]
"""


def written(tmp_path, *changes):
    """The target of the adapter above with each (old, new) text replaced."""
    text = PORT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file = tmp_path / "mine.py"
    file.write_text(text)
    return f"{file}:Adapter"


def run(target, only="algorithm/update"):
    return evaluate(target, only=only, level="must", fresh=0)


def examined(target):
    steps = []
    examine(Doctor(parse_target(target).command, 60.0, None, steps.append))
    return [step for step in steps if step.problem]


def test_the_adapter_itself_is_right(tmp_path):
    target = written(tmp_path)
    assert examined(target) == []
    assert run(target).failures == []


# -- options by another name -----------------------------------------------------------


def test_an_option_that_the_constructor_does_not_know(tmp_path):
    result = run(
        written(tmp_path, ('    names = {"lr": "learning_rate", ', "    x = {"))
    )
    assert result.problem == (
        "failed its smoke test: an optimizer with plain options was refused: "
        "Mine has no 'lr': map names={'lr': ...}"
    )


def test_a_claimed_option_that_it_does_not_know(tmp_path):
    plain = (
        "claims = ArrayAdapter.PLAIN",
        'claims = ArrayAdapter.PLAIN | {"lr-decay"}',
    )
    wrong = examined(written(tmp_path, plain))
    assert wrong[0].problem == (
        "the answer should be ok, not refused: Mine has no 'lr_decay': map "
        "names={'lr_decay': ...}, or do not claim 'lr-decay'"
    )


def test_a_name_that_is_mapped_to_another_wrong_one(tmp_path):
    wrong = run(written(tmp_path, ('"lr": "learning_rate"', '"lr": "rate"')))
    assert wrong.problem.endswith("Mine has no 'rate': map names={'lr': ...}")


def test_other_refusals_keep_their_words_and_say_where(tmp_path):
    made = ("return Mine(", 'raise ValueError("no licence"); return Mine(')
    result = run(written(tmp_path, made))
    assert result.problem.endswith("ValueError: no licence (mine.py:25)")


# -- names of the base -----------------------------------------------------------------

TAKEN = {
    "self.params": (
        "        return Mine(params, **options)",
        "        self.params = list(params.values())\n"
        "        return Mine(params, **options)",
        "mine.py, line 25: params is ArrayAdapter's own; give yours another name",
    ),
    "two at once": (
        "        return Mine(params, **options)",
        "        self.optimizers, self.mine = [], 1\n"
        "        return Mine(params, **options)",
        "mine.py, line 25: optimizers is ArrayAdapter's own; give yours another name",
    ),
    "saves in the class": (
        '    name, version = "mine", "1"',
        '    name, version = "mine", "1"\n    saves = 3',
        "mine.py, line 21: saves is ArrayAdapter's own; give yours another name",
    ),
    "a method": (
        "    def accumulator(self, port, name):",
        "    def gradients(self):\n        return 1\n\n"
        "    def accumulator(self, port, name):",
        "mine.py, line 30: gradients is ArrayAdapter's own; give yours another name",
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_name_of_the_base_that_an_author_takes_is_named_once(tmp_path, name):
    old, new, said = TAKEN[name]
    target = written(tmp_path, (old, new))
    (wrong,) = examined(target)
    assert wrong.problem == f"{target}: {said}"
    assert wrong.advice == "mend it; nothing could be tried"
    assert run(target).problem == f"could not be loaded: {target}: {said}"


class Careful(ArrayAdapter):
    """Changes what the base holds, and keeps what it means."""

    def begin(self, tensors):
        super().begin(tensors)
        self.params = dict(self.params)

    def make(self, params, options):
        self.params = {**self.params, **params}
        self.params["p"] = None
        self.mine = 3

    def update(self, port, params, gradients):
        return None


def test_a_careful_author_is_spared():
    assert shadowed(Careful()) is None
    assert shadowed(NumpyAdapter()) is None


def test_adapters_that_can_be_loaded_here_are_spared():
    loaded = 0
    for name, port in PORTS.items():
        if port.place and not port.environment:
            with suppress(TargetError):  # what it needs is not installed
                assert shadowed(load_adapter(name)) is None
                loaded += 1
    assert loaded


# -- constants -------------------------------------------------------------------------


def test_maximize_is_a_constant_of_a_port_that_has_none(tmp_path):
    constants = (
        "claims = ArrayAdapter.PLAIN",
        "claims = ArrayAdapter.PLAIN\n    constants = "
        '{"weight_decay": 0.0, "lr_decay": 0, "maximize": False}',
    )
    target = written(tmp_path, constants)
    result = run(target)
    assert result.identity.constants == {"weight_decay": 0.0, "lr_decay": 0.0}
    assert result.failures == []
    assert examined(target) == []


# -- save and load without groups ------------------------------------------------------

SAVES = """
    def state(self, port):
        sums = {name: total.copy() for name, total in port.sums.items()}
        return {"sums": sums, "rate": port.rate, "eps": port.eps}

    def restore(self, port, state):
        port.sums = {name: total.copy() for name, total in state["sums"].items()}
        port.rate, port.eps = state["rate"], state["eps"]
"""
LOADS = '"save", "load-same-object", "load-deepcopy", "load-bytes", "load-new-process"'


def test_state_is_saved_and_loaded_by_a_port_without_groups(tmp_path):
    target = written(
        tmp_path,
        ("claims = ArrayAdapter.PLAIN", f"claims = ArrayAdapter.PLAIN | {{{LOADS}}}"),
        (
            "        return port.sums[name]\n",
            f"        return port.sums[name]\n{SAVES}",
        ),
    )
    assert examined(target) == []
    result = run(target, only="state-dict/*")
    assert result.problem is None
    judged = [v for v in result.verdicts if v.status.was_judged]
    assert [v.scenario for v in judged if v.status.is_failure] == []
    assert any("new-process" in v.scenario for v in judged)


def test_a_port_without_groups_is_handed_none(tmp_path):
    """Not even a single one, when its state moves to another process."""
    file = tmp_path / "plain.py"
    file.write_text(
        textwrap.dedent(
            """
            from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter

            class Plain(NumpyAdapter):
                claims = NumpyAdapter.claims - {"groups", "add-group", "defaults"}

                def make_optimizer(self, params, options):
                    if any(isinstance(p, dict) for p in params):
                        raise TypeError("a list of params is due")
                    if not {"lr", "eps"} <= set(options):
                        raise TypeError("lr and eps are due")
                    return super().make_optimizer(params, options)
            """
        )
    )
    result = run(f"{file}:Plain", only="state-dict/*")
    judged = [v for v in result.verdicts if v.status.was_judged]
    assert any("new-process" in v.scenario for v in judged)
    assert [v.scenario for v in judged if v.status.is_failure] == []


# -- a refused step --------------------------------------------------------------------


def test_after_a_refused_step_nothing_has_changed(tmp_path):
    file = tmp_path / "eager.py"
    file.write_text(
        "from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter\n"
        "class Eager(NumpyAdapter):\n"
        "    def step(self, optimizer):\n"
        "        port = self.optimizers[optimizer]\n"
        "        try:\n"
        "            return super().step(optimizer)\n"
        "        except Exception:\n"
        "            for state in port.state.values():\n"
        "                state['step'] += 1\n"
        "            raise\n"
    )
    steps = []
    command = parse_target(f"{file}:Eager").command
    examine(Doctor(command, 60.0, None, steps.append))
    titles = [step.title for step in steps if step.note]
    assert titles == ["read: nothing has changed"]
    (note,) = (step.note for step in steps if step.note)
    assert note == (
        "in doubt: t of p has changed, though the step was refused; look at what the "
        "adapter does before the port refuses: if nothing, the port itself is judged "
        "for it"
    )


# -- another Python --------------------------------------------------------------------


def test_an_adapter_runs_under_another_python(tmp_path):
    """As conformance/ADAPTERS.md has it: that Python has NumPy and nothing of ours."""
    made = tmp_path / "other"
    subprocess.run([sys.executable, "-m", "venv", str(made)], check=True)
    folder = np.__file__.rpartition("/numpy/")[0]
    (site,) = (made / "lib").glob("python*/site-packages")
    (site / "numpy.pth").write_text(f"{folder}\n")
    command = command_under(made / "bin" / "python", written(tmp_path))
    result = run(f"exec:{' '.join(command)}")
    assert result.problem is None
    assert result.failures == []
    assert result.identity.name == "mine"


def python_3_10():
    """The oldest Python that can serve an adapter, if this machine has it."""
    for found in filter(None, [shutil.which("python3.10")]):
        command = [
            found,
            "-c",
            "import sys; print(sys.version_info[:2], sys.executable)",
        ]
        said = subprocess.run(command, capture_output=True, text=True).stdout
        if said.startswith("(3, 10)"):
            return Path(said.split(")")[1].strip())
    return None


@pytest.mark.skipif(python_3_10() is None, reason="there is no Python 3.10")
def test_the_server_starts_under_the_oldest_python(tmp_path):
    """Without NumPy, which a bare Python lacks: the modules of a server alone."""
    script = tmp_path / "serves.py"
    script.write_text(
        "import adagrad_reference.dialects, adagrad_reference.flags\n"
        "import adagrad_conformance.transport.server\n"
        "from adagrad_conformance.adapters.base import Adapter\n"
        "print(sorted(Adapter.claims))\n"
    )
    command = command_under(python_3_10(), str(script))
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
