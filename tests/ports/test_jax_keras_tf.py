"""The ports on JAX, Keras and TensorFlow: their syntax, and what is wrong in them.

Phrases are compared with the adapter: the script that they make must see, to the last
bit, what the adapter shows.  Faults are confirmed by lines that use nothing but the
port; the suite and they must agree, so that a fault which a newer port has mended has
to vanish from the verdicts too.  Each needs the environment of its port.
"""

from __future__ import annotations

import ast
import functools
import math
import os
import subprocess

import pytest
from port_kit import environment_of

from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.reproducers.assertion import Assertion, Look
from adagrad_conformance.evaluation.client import evaluate_client
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.reproducers.port_syntax import syntax_of
from adagrad_conformance.reproducers.port_script import port_reproducer
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.execution.runner import play
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.transport.targets import parse_target
from adagrad_reference.formats import FORMATS
from adagrad_reference.boxes import Box
from adagrad_reference.scenario import (
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
    Tensor,
)

FILES = ("optax_port", "jax_example_port", "keras3_port", "tf_keras_port")
FILES += ("tensorflow_ops_port", "tensorflow_v1_port")
OURS = [name for name, port in PORTS.items() if port.syntax.split(":")[0] in FILES]
NEVER = 600.0  # a patience that only a failure uses up
#: Options of a port with every claim; a decay of the rate and of the params.
OPTIONS = {
    "lr_decay": 0.7,
    "weight_decay": 0.05,
    "initial_accumulator_value": 0.2,
    "eps": 1e-3,
}


def run_script(name, text):
    """The script under the port's Python; its last line of errors, "" for none."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_HOME": os.devnull}
    done = subprocess.run(
        [environment_of(name).python, "-c", text],
        capture_output=True,
        text=True,
        timeout=NEVER,
        env={**os.environ, **quiet},
    )
    assert (done.returncode != 0) == ("Traceback" in done.stderr), done.stderr
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def tensor(fmt, *values):
    return Tensor(fmt, (len(values),), tuple(map(FORMATS[fmt].encode, values)))


def everything(claims, constants):
    """A scenario of all that a port claims: state, steps, other options, a load."""
    fmt = "binary32" if "binary32" in claims else "binary64"
    options = {
        name: value
        for name, value in OPTIONS.items()
        if name.replace("_", "-") in claims and name not in constants
    }
    if "sparse" in claims:  # with which the document refuses weight decay
        options.pop("weight_decay", None)
    p, q, s = (tensor(fmt, *x) for x in ((1.25, -0.875), (2.625, 0.125), (2.0, 0.375)))
    step = Step("A", {"p": tensor(fmt, 0.75, -1.125), "q": tensor(fmt, 3.0, 0.25)})
    events = [New("A", (Group(("p", "q")),), {"lr": 0.3, **options})]
    events += [SetState("A", x, s, 3) for x in ("p", "q")]
    events.append(step)
    if "set-option" in claims:
        events += [SetOption("A", 0, "lr", 0.5), step]
    if "sparse" in claims:
        rows = Sparse((2,), (1, 1), tensor(fmt, 0.5, 0.875))
        events.append(Step("A", {"p": rows}))
    if "save" in claims:
        events += [Save("A", "kept"), step, Load("A", "kept", "same-object")]
    return Scenario("all", (), "MUST", {"p": p, "q": q}, (*events, step))


@pytest.mark.parametrize("name", OURS)
def test_the_script_speaks_of_the_port_alone(name):
    syntax = syntax_of(name)
    claims = {"binary32", "initial-accumulator-value"}
    scenario = everything(claims, {})
    due = Assertion(Look.THETA, "A", "p", 0, box=Box(1.0, 2.0))
    text = port_reproducer(scenario, syntax, due, {})
    assert ast.parse(text).body
    assert "adagrad_conformance" not in text
    assert "adagrad_reference" not in text
    assert text.splitlines()[-1].startswith("assert 1.0 <= seen <= 2.0")


def test_the_script_of_a_chain():
    scenario = Scenario(
        "one",
        (),
        "MUST",
        {"p": tensor("binary32", 1.0)},
        (
            New("A", (Group(("p",)),), {"lr": 0.5, "weight_decay": 0.1}),
            Step("A", {"p": tensor("binary32", 2.0)}),
        ),
    )
    due = Assertion(Look.SUM, "A", "p", 0, box=Box(4.0, 4.0))
    text = port_reproducer(scenario, syntax_of("optax"), due, {})
    chain = "optax.chain(optax.add_decayed_weights(0.1), optax.adagrad(0.5))"
    assert f"tx = {chain}; state = tx.init(params)" in text
    assert "assert seen == 4.0" in text


@functools.cache
def played(name):
    """(what the adapter shows last of `everything`, the scenario, the identity)."""
    environment_of(name)
    port = SubprocessClient(parse_target(name).command, NEVER)
    try:
        identity = port.start()
        scenario = everything(identity.claims, identity.constants)
        seen = play(port, scenario)
    finally:
        port.close()
    assert seen.status is None, seen.message
    assert len(seen.events) == len(scenario.events), seen.events[-1]
    return seen.events[-1].readings, scenario, identity


@pytest.mark.parametrize("name", OURS)
def test_the_script_sees_what_the_adapter_shows(name):
    readings, scenario, identity = played(name)
    theta, total = readings["A", "p"].theta, readings["A", "q"].state_sum
    right, wrong = theta.values()[1], math.nextafter(total.values()[1], 9.0)
    for due, error in (
        (Assertion(Look.THETA, "A", "p", 1, box=Box(right, right)), ""),
        (Assertion(Look.SUM, "A", "q", 1, box=Box(wrong, wrong)), "AssertionError"),
    ):
        text = port_reproducer(scenario, syntax_of(name), due, identity.constants)
        assert run_script(name, text).partition(":")[0] == error, text


# -- faults --------------------------------------------------------------------------

_KERAS = """
import os; os.environ["KERAS_BACKEND"], os.environ["JAX_ENABLE_X64"] = "{}", "1"
import keras, numpy as np
def made(*values, dtype="float32"):
    return keras.Variable(np.array(values), dtype=dtype)
def tensor(*values, dtype="float32"):
    return keras.ops.convert_to_tensor(np.array(values), dtype)
Adagrad = keras.optimizers.Adagrad
"""
_TF = "import numpy as np, tensorflow as tf\n"

#: Port -> check of the suite -> plain lines that are right in what they ask, and fail.
FAULTS = {
    ("keras/torch", "groups/mixed-formats/binary32-and-binary64"): _KERAS.format(
        "torch"
    )
    + """
keras.backend.set_floatx("float64")
p, q = made(1.0), made(1.0, dtype="float64")
o = Adagrad(0.1, initial_accumulator_value=0.0, epsilon=0.0); o.build([p, q])
o.apply([tensor(1.0), tensor(1.0, dtype="float64")], [p, q])
seen = float(keras.ops.convert_to_numpy(q)[0])
assert seen == 1 - 0.1, seen  # the rate was rounded to the first param's format
""",
    ("keras/tensorflow", "sparse/duplicates/binary32"): _KERAS.format("tensorflow")
    + """
import tensorflow as tf
p = made(1.0, 1.0); o = Adagrad(0.1, 0.0, 0.0); o.build([p])
rows = tf.constant([1.0, 2.0]), tf.constant([1, 1]), tf.constant([2])
o.apply([tf.IndexedSlices(*rows)], [p])
seen = p.numpy().tolist(), o.variables[-1].numpy().tolist()
assert seen[1] == [0.0, 9.0], seen  # and row 1 of p is 0.9
""",
    ("keras/tensorflow/binary64", "algorithm/accumulates/binary64"): _KERAS.format(
        "tensorflow"
    )
    + """
keras.backend.set_floatx("float64")
o = Adagrad(0.1); o.build([made(1.0, dtype="float64")])
seen = o.variables[-1].numpy()
assert seen.dtype == "float64" and seen[0] == 0.1, seen[0]
""",
    ("tensorflow/legacy", "special-values/no-eps/binary32"): _TF
    + """
import tf_keras
o = tf_keras.optimizers.legacy.Adagrad(0.1, epsilon=0.0)
assert o.epsilon == 0.0, o.epsilon
""",
    ("tensorflow/legacy", "groups/change-lr-decay/binary32"): _TF
    + """
import tf_keras
p, g = tf.Variable([1.0]), tf.constant([1.0])
o = tf_keras.optimizers.legacy.Adagrad(0.1, 2.0)
o.apply_gradients([(g, p)]); o.decay = 1.0; before = p.numpy()[0]
o.apply_gradients([(g, p)]); moved = before - p.numpy()[0]
assert abs(moved - 0.05 / 2) < 1e-6, moved  # 0.1 / (1 + 1) / sqrt(2 + 1 + 1)
""",
    ("tensorflow/keras-2/binary64", "weight-decay/coupled/0-53/binary64"): _TF
    + """
import tf_keras
tf_keras.backend.set_floatx("float64"); p = tf.Variable(np.array([1.0]))
o = tf_keras.optimizers.Adagrad(0.5, weight_decay=0.1)
o.apply_gradients([(tf.zeros(1, p.dtype), p)])
assert abs(p.numpy()[0] - 0.95) < 1e-12, p.numpy()
""",
}


@functools.cache
def checks():
    """Every check by its id."""
    library = Library.read()
    return {check.id: check for check in known_checks(library)}, library.expectations


@pytest.mark.parametrize(("name", "check"), FAULTS)
def test_a_fault_that_plain_lines_confirm(name, check):
    confirmed = run_script(name, FAULTS[name, check])
    assert confirmed
    by_id, expectations = checks()
    port = SubprocessClient(parse_target(name).command, NEVER)
    result = evaluate_client(name, port, [by_id[check]], expectations, explain=False)
    assert result.problem is None
    (verdict,) = result.verdicts
    assert verdict.status == "fail", (verdict, confirmed)


#: What is right in a port, though a hasty adapter would be accused of it.
RIGHT = [
    *(  # weight decay that is off is None
        (name, "weight-decay/off-with-infinite-theta/binary32")
        for name in ("keras/jax", "keras/tensorflow", "tensorflow/keras-2")
    ),
    *(  # rows that occur twice are summed by who calls the kernel
        (name, "sparse/duplicates/binary32")
        for name in ("tensorflow/v1-op", "tensorflow/v2-op")
    ),
    # binary64 where it is offered, and binary32 where that is declared
    ("tensorflow/v1/binary64", "lr-decay/step-2/decay-0-3/binary64"),
    ("tensorflow/keras-2/binary64", "lr-decay/step-2/decay-0-3/binary64"),
    ("tensorflow/legacy/binary64", "lr-decay/step-2/decay-0-3/binary64"),
    # a schedule that is set may not become a number again
    ("keras/tensorflow", "groups/switch-off-lr-decay/binary32"),
]


@pytest.mark.parametrize(("name", "check"), RIGHT)
def test_a_right_port_is_not_accused(name, check):
    environment_of(name)
    by_id, expectations = checks()
    port = SubprocessClient(parse_target(name).command, NEVER)
    result = evaluate_client(name, port, [by_id[check]], expectations, explain=False)
    (verdict,) = result.verdicts
    assert verdict.status == "pass", verdict


@pytest.mark.parametrize("name", ["optax", "optax/jit", "optax/injected"])
def test_a_right_port_passes(name):
    environment_of(name)
    by_id, expectations = checks()
    chosen = [
        check
        for id, check in by_id.items()
        if id.startswith(("lr-decay/", "algorithm/"))
        and id.endswith("/binary32")
        and check.level == "MUST"
    ]
    port = SubprocessClient(parse_target(name).command, NEVER)
    result = evaluate_client(name, port, chosen, expectations, explain=False)
    statuses = [verdict.status for verdict in result.verdicts]
    assert set(statuses) <= {"pass", "not-claimed"}
    assert statuses.count("pass") > 10
