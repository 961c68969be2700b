"""Reproducers in a port's own words: right ports pass them, wrong ones do not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from adagrad_conformance.adapters.contract import WrongWidth
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reproducers import port_syntax
from adagrad_conformance.reproducers.assertion import Assertion, Look
from adagrad_conformance.reproducers.port_script import port_reproducer
from adagrad_conformance.reproducers.port_syntax import syntax_of
from adagrad_conformance.reproducers.port_syntax.base import NotExpressible, PortSyntax
from adagrad_conformance.reproducers.torch_script import (
    TorchConstructor,
    torch_constructor,
    torch_reproducer,
)
from adagrad_reference.boxes import Box
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetOption,
    SetState,
    Step,
    Tensor,
    ZeroGrad,
)

#: A port in NumPy, and what is wrong in each of its versions.
PORT = """
import pickle
import numpy as np

class Adagrad:
    def __init__(self, params, lr, eps=0.0):
        if not lr >= 0 and not {accepts}:
            raise ValueError(f"lr={{lr}}")
        self.params, self.lr, self.eps, self.t = params, lr, eps, 0
        self.sums = {{name: np.zeros_like(p) for name, p in params.items()}}

    def step(self, grads):
        self.t += {counts}
        for name, g in grads.items():
            if g is not None:
                self.sums[name] += g * g * {factor}
                root = np.sqrt(self.sums[name]) + self.eps
                self.params[name] -= self.lr * g / root

    def dump(self):
        return pickle.dumps((self.sums, self.t))

    def restore(self, raw):
        sums, self.t = pickle.loads(raw)
        if {restores}:
            self.sums = sums
"""
RIGHT = {"accepts": False, "counts": 1, "factor": 1, "restores": True}


#: The registered ports that have a syntax.
SYNTAXES = [name for name, port in PORTS.items() if port.syntax]


class Words(PortSyntax):
    """How its users write."""

    head = ("import numpy as np, toy",)

    def new(self, params, options):
        given = ", ".join(f"{p!r}: {p}" for p in params)
        named = ", ".join(f"{k}={v}" for k, v in options.items())
        return [f"port = toy.Adagrad({{{given}}}, {named})"]

    def step(self, gradients):
        given = ", ".join(f"{p!r}: {g}" for p, g in gradients.items())
        return [f"port.step({{{given}}})"]

    def state(self, name, array, t):
        return [f"port.sums[{name!r}] = {array}", f"port.t = {t}"]

    def option(self, option, value):
        return [f"port.{option} = {value}"]

    def save(self, name):
        return [f"{name} = port.dump()"]

    def load(self, name, via):
        return [f"port.restore({name})"]

    def total(self, name):
        return f"port.sums[{name!r}]"

    def count(self, name):
        return "port.t"


def tensor(*values, shape=None):
    fmt = "binary32"
    bits = [Tensor(fmt, (), (0,)).fmt.encode(value) for value in values]
    return Tensor(fmt, shape or (len(values),), tuple(bits))


P, G = tensor(1.0, -2.0), tensor(3.0, 4.0)
MADE = New("A", (Group(("p",)),), {"lr": 0.5, "eps": 0.0})
STEPS = (MADE, Step("A", {"p": G}), Step("A", {"p": None}))
ONE = Box(1.0, 1.0)


def at(what, *place, **due):
    """An assertion on the param p."""
    return Assertion(what, "A", "p", *place, **due)


def scenario(*events, **tensors):
    return Scenario("x/y", (), "MUST", tensors or {"p": P}, events)


#: name -> (scenario, what is due at its end, the change of the port that breaks it)
CASES = {
    "theta": (
        scenario(*STEPS),
        at(Look.THETA, 1, Box(-2.5, -2.5)),
        {"factor": 4},
    ),
    "S": (
        scenario(*STEPS),
        at(Look.SUM, 0, Box(9.0, 9.0)),
        {"factor": 4},
    ),
    "t": (
        scenario(*STEPS),
        at(Look.COUNTER, exact="2"),
        {"counts": 2},
    ),
    "state": (
        scenario(MADE, SetState("A", "p", tensor(7.0, 0.0), 3), Step("A", {"p": G})),
        at(Look.SUM, 0, Box(16.0, 16.0)),
        {"factor": 4},
    ),
    "option": (
        scenario(MADE, SetOption("A", 0, "lr", 0.25), Step("A", {"p": G})),
        at(Look.THETA, 0, Box(0.75, 0.75)),
        {"factor": 4},
    ),
    "load": (
        scenario(*STEPS, Save("A", "s"), MADE, Load("A", "s", "bytes")),
        at(Look.SUM, 1, Box(16.0, 16.0)),
        {"restores": False},
    ),
    "refusal": (
        scenario(New("A", (Group(("p",)),), {"lr": -1.0})),
        Assertion(Look.REFUSAL, exact="lr=-1.0 is not >= 0"),
        {"accepts": True},
    ),
    "moves": (
        scenario(*STEPS),
        at(Look.THETA, 0, still=1.0),
        {"factor": "np.inf"},
    ),
}


def ran(text, folder, changes):
    (folder / "toy.py").write_text(PORT.format(**{**RIGHT, **changes}))
    (folder / "script.py").write_text(text)
    # no __pycache__: two ports of one size in one second look the same to it
    line = [sys.executable, "-B", "script.py"]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("name", CASES)
def test_a_script_passes_on_a_right_port_and_fails_on_the_wrong_one(name, tmp_path):
    played, due, changes = CASES[name]
    text = port_reproducer(played, Words(), due, {})
    assert "adagrad_conformance" not in text
    assert "ml_dtypes" not in text  # nothing here needs it
    right = ran(text, tmp_path, {})
    assert right.returncode == 0, text + right.stderr
    wrong = ran(text, tmp_path, changes)
    assert wrong.returncode == 1, text
    assert "AssertionError" in wrong.stderr or "accepted, though" in wrong.stderr


def test_a_refusal_on_the_way_does_not_end_the_script(tmp_path):
    refused = New("A", (Group(("p",)),), {"lr": -1.0})
    text = port_reproducer(
        scenario(refused, *STEPS),
        Words(),
        at(Look.THETA, 0, Box(0.5, 0.5)),
        {},
    )
    assert ran(text, tmp_path, {}).returncode == 0


def test_a_constant_is_not_written():
    text = port_reproducer(scenario(*STEPS), Words(), None, {"eps": 0.0})
    assert "eps" not in text
    assert "lr=0.5" in text


def test_decimals_give_the_very_bits(tmp_path):
    odd = Tensor("binary32", (2,), (0x3DCCCCCD, 0x00000001))
    due = at(Look.THETA, 1, Box(2.0**-149, 2.0**-149))
    text = port_reproducer(scenario(MADE, p=odd), Words(), due, {})
    assert "0.1" in text
    assert ran(text, tmp_path, {}).returncode == 0


@pytest.mark.parametrize(
    "events",
    [
        (New("A", (Group(("p",)), Group(("q",))), {"lr": 1.0}),),
        (New("A", (Group(("p",)), Group(("q",))), {}), SetOption("A", 1, "lr", 2.0)),
        (MADE, AddGroup("A", Group(("q",)))),
        (MADE, ZeroGrad("A", True)),
        (MADE, Step("A", {"p": G}, loss=1.0)),
    ],
)
def test_an_event_without_syntax_is_left_to_the_adapter(events):
    with pytest.raises(NotExpressible):
        port_reproducer(scenario(*events, p=P, q=P), Words(), None, {})


@pytest.mark.parametrize("what", ["storage", "calls", "loss", "asked", "rows"])
def test_what_cannot_be_looked_at_is_left_to_the_adapter(what):
    with pytest.raises(NotExpressible):
        port_reproducer(scenario(*STEPS), Words(), at(Look(what), box=ONE), {})


OWN = New("A", (Group(("p",), {"lr": 2.0}), Group(("q",))), {"lr": 0.5, "eps": 0.0})
GROUPS = scenario(OWN, AddGroup("A", Group(("r",), {"eps": 1.0})), p=P, q=P, r=P)


def test_the_options_of_the_only_group_are_the_constructor_s_where_no_groups_are():
    alone = New("A", (Group(("p",), {"lr": 2.0}),), {"lr": 0.5})
    text = port_reproducer(scenario(alone), Words(), None, {})
    assert "port = toy.Adagrad({'p': p}, lr=2.0)" in text


@pytest.mark.parametrize(
    ("target", "lines"),
    [
        (
            "mindspore/experimental",
            (
                "[dict(params=[p], lr=2.0), dict(params=[q])], lr=0.5, eps=0.0)",
                "optimizer.add_param_group(dict(params=[r], eps=1.0))",
            ),
        ),
        (
            "torch/dtensor",
            (
                "[dict(params=[p], lr=2.0), dict(params=[q])], lr=0.5, eps=0.0)",
                "opt.add_param_group(dict(params=[r], eps=1.0))",
            ),
        ),
        (
            "torch/zero-redundancy",
            (
                "[dict(params=[p], lr=2.0), dict(params=[q])], torch.optim.Adagrad, ",
                "opt.add_param_group(dict(params=[r], eps=1.0))",
            ),
        ),
        (
            "libtorch",
            (
                "({p}, std::make_unique<AdagradOptions>("
                "AdagradOptions().lr(2.0).eps(0.0))));",
                "groups.push_back(OptimizerParamGroup({q}));",
                "Adagrad optimizer(groups, AdagradOptions().lr(0.5).eps(0.0));",
                "AdagradOptions().lr(0.5).eps(1.0))));",
            ),
        ),
    ],
)
def test_a_port_with_groups_is_given_each_group_with_its_own_options(target, lines):
    text = port_reproducer(GROUPS, syntax_of(target), None, {})
    for line in lines:
        assert line in text, text


@pytest.mark.parametrize(
    ("target", "again"),
    [
        ("optax/injected", "params = {'p': params['p']}"),
        ("jax-example-libraries", "params = {'p': get_params(state)['p']}"),
        ("numpyro", "params = {'p': tx.get_params((i, state))['p']}"),
    ],
)
def test_another_optimizer_begins_with_params_as_they_are(target, again):
    text = port_reproducer(scenario(*STEPS[:2], MADE), syntax_of(target), None, {})
    first, second = text.split("update", 1)[0], text.rsplit("jnp.asarray(p)", 1)[1]
    assert again not in first
    assert again in second, text


@pytest.mark.parametrize("target", ["numpy-ml", "libtorch"])
def test_a_state_that_is_not_there_is_asserted_not_stumbled_over(target):
    text = port_reproducer(scenario(*STEPS[:2]), syntax_of(target), at(Look.STATE), {})
    assert "p has no accumulator" in text


def test_every_syntax_makes_and_steps_its_port():
    assert len(SYNTAXES) > 40
    for target in SYNTAXES:
        syntax = syntax_of(target)
        assert syntax.head, target
        assert syntax.param("p", syntax.array(P)), target
        assert syntax.new(["p"], {"lr": "0.5"}), target
        assert syntax.step({"p": syntax.array(G)}), target
        assert syntax.theta("p"), target


def test_a_port_without_syntax_has_none():
    assert syntax_of("numpy") is None
    assert syntax_of("some_file.py:Port") is None


def test_no_syntax_imports_its_framework():
    """They are read by the core Python, which has none of the frameworks."""
    script = (
        f"import sys; from {port_syntax.__name__} import syntax_of\n"
        f"[syntax_of(target) for target in {SYNTAXES}]\n"
        "print(sorted({'jax', 'torch', 'keras', 'tensorflow'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout == "[]\n", ran.stderr


# -- torch, whose ports write a state through its dictionary ---------------------------

#: The accumulator is narrower than the param, whatever is written there.
NARROW = """
import torch

class Adagrad(torch.optim.Adagrad):
    def step(self):
        super().step()
        for state in self.state.values():
            state["sum"] = state["sum"].{width}()
"""


@pytest.mark.parametrize(("width", "code"), [("double", 0), ("float", 1)])
def test_the_width_of_a_state_is_seen_after_a_step_not_after_it_is_written(
    width, code, tmp_path
):
    """A script that writes a state has it as wide as it wrote it."""
    wide = Tensor("binary64", (1,), (0x3FF0000000000000,))
    port = TorchConstructor("Adagrad", imports=("from narrow import Adagrad",))
    verdict = Verdict("x/y", (), "MUST", Status.MALFORMED, detail=WrongWidth("p"))
    played = scenario(MADE, SetState("A", "p", wide, 3), p=wide)
    (tmp_path / "narrow.py").write_text(NARROW.format(width=width))
    ran_here = ran(torch_reproducer(played, port, None, verdict), tmp_path, {})
    assert ran_here.returncode == code, ran_here.stderr
    assert ("AssertionError: the accumulator is" in ran_here.stderr) == bool(code)


@pytest.mark.parametrize(
    ("target", "first"),
    [
        ("adagradw/single", "import torch; from adagradw import AdagradW\n"),
        (
            "mine:Own",
            "import torch; import sys; sys.path.append(''); from mine import Own\n",
        ),
    ],
)
def test_only_a_module_of_the_users_is_looked_for_in_the_current_folder(target, first):
    text = torch_reproducer(scenario(*STEPS), torch_constructor(target), None)
    assert text.startswith(first)
