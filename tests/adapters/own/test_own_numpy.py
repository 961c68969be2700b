"""What only the suite's NumPy port has, and the modules of all of them."""

from __future__ import annotations

import importlib
import pickle
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from own_kit import Kit, snapshot

from adagrad_conformance.adapters.own.numpy_adagrad import Adagrad, Param

# What only the NumPy port has -------------------------------------------------------


@pytest.mark.parametrize("bad", [np.ones(3), np.ones((1, 1)), np.ones(1, np.float32)])
def test_numpy_refuses_a_gradient_that_does_not_fit(bad):
    p, q = Param(np.ones(1), np.ones(1)), Param(np.ones(1), bad)
    opt = Adagrad([p, q])
    before = snapshot(opt)
    with pytest.raises(ValueError, match="gradient"):
        opt.step()
    assert snapshot(opt) == before


def test_numpy_state_dict_is_a_snapshot():
    params, opt = Kit("numpy").start([np.ones(2)])
    saved = opt.state_dict()
    kept = pickle.dumps(saved)
    Kit("numpy").run(opt, params, [[np.ones(2)]])
    assert pickle.dumps(saved) == kept


@pytest.mark.parametrize("bad", [3.0, [1.0], np.arange(3), np.broadcast_to(1.0, 2)])
def test_numpy_refuses_what_it_cannot_update(bad):
    with pytest.raises(TypeError, match="Param needs"):
        Param(bad)


# The modules ------------------------------------------------------------------------


def test_the_package_imports_nothing_heavy():
    code = "import sys, adagrad_conformance.adapters.own as c; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not {"numpy", "torch", "ml_dtypes"} & set(done.stdout.split())


@pytest.mark.parametrize(
    "name", ["numpy_adagrad", "torch_base", "torch_single", "torch_foreach"]
)
def test_all_lists_the_public_names(name):
    module = importlib.import_module(f"adagrad_conformance.adapters.own.{name}")
    own = {
        key
        for key, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and key[0] != "_"
    }
    assert own == set(module.__all__)
    assert all(getattr(module, key).__doc__ for key in own)


def test_bench_measures_every_port():
    path = Path(__file__).parents[3] / "bench" / "ports.py"
    measure = runpy.run_path(str(path))["measure"]
    (row,) = measure(sizes=(1000,), pieces=2, budget=0)
    assert row.pop("size") == 1000
    assert len(row) == 7
    assert all(0 < value < 100 for value in row.values())
