"""torch: what a port must leave as it is in the process that it runs in.

Every call is made in two hosts: as this process is, and with settings that differ in
all that can be set.  A constant that a port sets is then seen in at least one of them.
"""

from __future__ import annotations

import copy
import decimal
import gc
import hashlib
import logging
import os
import pickle
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, answer
from adagrad_conformance.adapters.native.torch_kit import (
    construct,
    exception,
    numbers,
    param,
    usual_options,
)
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["host_untouched"]

Probe = Callable[[], Any]

# -- what is looked at -----------------------------------------------------------------


def _digest(thing: Any) -> str:
    return hashlib.sha256(pickle.dumps(thing)).hexdigest()


def _torch_generator() -> str:
    return hashlib.sha256(bytes(torch.get_rng_state().tolist())).hexdigest()


def _autocast() -> bool:
    try:
        return torch.is_autocast_enabled("cpu")
    except TypeError:  # older versions of torch ask about the CPU by another name
        return bool(torch.is_autocast_cpu_enabled())


def _keeps_subnormals() -> tuple[bool, bool]:
    """Whether torch and Python keep subnormal numbers."""
    small = torch.full((9,), 2.0**-130)
    return bool((small * 0.5 > 0).all()), sys.float_info.min / 2 > 0


_TORCH: dict[str, Probe] = {
    "the default dtype": torch.get_default_dtype,
    "the default device": lambda: str(torch.empty(0).device),
    "the number of threads": torch.get_num_threads,
    "torch's generator": _torch_generator,
    "whether gradients are enabled": torch.is_grad_enabled,
    "inference mode": torch.is_inference_mode_enabled,
    "deterministic algorithms": torch.are_deterministic_algorithms_enabled,
    "anomaly detection": torch.is_anomaly_enabled,
    "autocast": _autocast,
    "the precision of matrix products": torch.get_float32_matmul_precision,
    "how subnormal numbers are treated": _keeps_subnormals,
    "Python's generator": lambda: _digest(random.getstate()),
    "NumPy's generator": lambda: _digest(np.random.get_state()),
}
#: Settings that an import, which a first call may bring, can change as well.
_PROCESS: dict[str, Probe] = {
    "the warnings filters": lambda: list(warnings.filters),
    "how warnings are shown": lambda: warnings.showwarning,
    "NumPy's treatment of errors": np.geterr,
    "the level of the logs": lambda: logging.getLogger().level,
    "the handlers of the logs": lambda: list(logging.getLogger().handlers),
    "the limit of recursion": sys.getrecursionlimit,
    "the switch interval": sys.getswitchinterval,
    "the garbage collector": lambda: (gc.isenabled(), gc.get_threshold()),
    "the exception hook": lambda: sys.excepthook,
    "the signal handlers": lambda: [
        signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)
    ],
    "the environment": lambda: dict(os.environ),
    "the working folder": os.getcwd,
    "the search path": lambda: list(sys.path),
    "the decimal context": lambda: repr(decimal.getcontext()),
}

# -- another host ----------------------------------------------------------------------


@contextmanager
def _as_found() -> Iterator[None]:
    yield


@contextmanager
def _altered() -> Iterator[None]:
    """Settings that differ from the usual ones, until the end of the block."""
    with ExitStack() as back:
        for get, put, another in _SETTINGS:
            now = get()
            back.callback(put, now)
            put(another(now))
        back.callback(np.seterr, **np.seterr(all="warn", over="ignore"))
        back.callback(_set_environment, dict(os.environ))
        os.environ.update(_UNUSUAL)
        anomalies = torch.is_anomaly_enabled()
        back.enter_context(torch.autograd.set_detect_anomaly(not anomalies))
        back.enter_context(warnings.catch_warnings())
        warnings.simplefilter("once")
        back.enter_context(torch.no_grad())
        yield


def _other_dtype(now: torch.dtype) -> torch.dtype:
    return torch.float32 if now is torch.float64 else torch.float64


def _other_precision(now: str) -> str:
    return "highest" if now == "high" else "high"


#: How a setting is read and set, and another value, given the present one.
_SETTINGS: tuple[tuple[Probe, Callable[[Any], Any], Callable[[Any], Any]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype, _other_dtype),
    (torch.get_num_threads, torch.set_num_threads, lambda now: now + 1),
    (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
        lambda now: not now,
    ),
    (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
        _other_precision,
    ),
    (
        torch.get_rng_state,
        torch.set_rng_state,
        lambda now: torch.Generator().manual_seed(20_110_712).get_state(),
    ),
    (random.getstate, random.setstate, lambda now: random.Random(20_110).getstate()),
    (
        np.random.get_state,
        np.random.set_state,
        lambda now: np.random.RandomState(1_234_567).get_state(),
    ),
    (sys.getrecursionlimit, sys.setrecursionlimit, lambda now: now + 7),
    (decimal.getcontext, decimal.setcontext, lambda now: decimal.Context(prec=19)),
)

#: Variables that libraries of numbers go by, and values that none of them chooses.
_UNUSUAL: Mapping[str, str] = {
    "CUBLAS_WORKSPACE_CONFIG": ":16:3",
    "MKL_NUM_THREADS": "3",
    "OMP_NUM_THREADS": "3",
    "PYTHONHASHSEED": "7",
}

# -- the calls -------------------------------------------------------------------------


def _calls(adapter: TorchAdapter) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The methods that the port claims, each ready to be called."""
    options = usual_options(adapter)
    made = param(adapter, numbers(3, (4,)))
    yield "the constructor", lambda: construct(adapter, [made], options)
    yield "the constructor with groups", lambda: Bench(adapter)
    bench = Bench(adapter)
    port = bench.port
    bench.set_gradients(4)
    yield "a step", port.step
    yield "a second step", port.step
    if "closure" in adapter.claims:
        yield "a step with a closure", lambda: port.step(lambda: 0.5)
    if "save" in adapter.claims:
        yield "state_dict", port.state_dict
    if {"save", "load-deepcopy"} <= adapter.claims:
        saved = bench.saved()
        yield "load_state_dict", lambda: port.load_state_dict(saved)
        yield "a step after a load", port.step
    if "add-group" in adapter.claims:
        later = param(adapter, numbers(5, (3,)))
        later.grad = numbers(6, (3,))
        yield "add_param_group", lambda: port.add_param_group({"params": [later]})
        yield "the first step of a group", port.step
    # whether these work is for other checks to judge
    yield "share_memory", lambda: exception(lambda: port.share_memory())
    yield "a deep copy", lambda: exception(partial(copy.deepcopy, port))
    yield "repr", lambda: exception(partial(repr, port))
    if "zero-grad" in adapter.claims:
        for flag in (False, True):
            yield f"zero_grad({flag})", partial(port.zero_grad, set_to_none=flag)
    yield from _steps_in_other_formats(adapter)
    yield from _refusals(adapter)


def _steps_in_other_formats(
    adapter: TorchAdapter,
) -> Iterator[tuple[str, Callable[[], Any]]]:
    for claim, dtype in _OTHER_FORMATS.items():
        if claim in adapter.claims:
            bench = Bench(adapter, dtype=dtype)
            bench.set_gradients(4)
            yield f"a step in {claim}", bench.port.step


_OTHER_FORMATS = {
    "binary64": torch.float64,
    "bfloat16": torch.bfloat16,
    "binary16": torch.float16,
}


def _refusals(adapter: TorchAdapter) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Calls that end with an error, of the closure or of the port, which is caught."""
    bench = Bench(adapter)
    port, first = bench.port, bench.params[0]
    bench.set_gradients(4)
    if "closure" in adapter.claims:
        yield "a closure that raises", partial(exception, partial(port.step, _raises))
    if "refusals" not in adapter.claims:
        return
    if "add-group" in adapter.claims:
        again = partial(port.add_param_group, {"params": [first]})
        yield "a refused group", partial(exception, again)
    if {"save", "load-deepcopy"} <= adapter.claims:
        misfit: dict[str, Any] = {"state": {}, "param_groups": []}
        yield (
            "a refused load",
            partial(exception, partial(port.load_state_dict, misfit)),
        )
    if {"sparse", "weight-decay"} <= adapter.claims:
        first.grad = first.detach().to_sparse(1)
        yield "a refused step", partial(exception, port.step)


def _raises() -> float:
    raise ZeroDivisionError("a closure of the suite raises")


def host_untouched(adapter: TorchAdapter) -> NativeAnswer:
    """No call changes a setting or a generator of the process, in either host."""
    for host, probes in ((_as_found, _TORCH), (_altered, {**_TORCH, **_PROCESS})):
        with host(), _put_back():
            for call, method in _calls(adapter):
                before = {what: probe() for what, probe in probes.items()}
                method()
                for what, probe in probes.items():
                    if (now := probe()) != before[what]:
                        return NativeAnswer(
                            f"{call} changed {what}" + _shown(before[what], now)
                        )
    return answer()


def _shown(before: Any, now: Any) -> str:
    """The change itself, where it is short enough for a line."""
    text = f" from {before} to {now}"
    return text if len(text) < 80 and "\n" not in text else ""


def _set_environment(due: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(due):
        del os.environ[name]
    os.environ.update(due)


#: Further settings that are put back, so that a port which sets one is seen each time.
_PUT_BACK: tuple[tuple[Probe, Callable[[Any], Any]], ...] = (
    *((get, put) for get, put, _ in _SETTINGS),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (lambda: _keeps_subnormals()[0], lambda keeps: torch.set_flush_denormal(not keeps)),
    (np.geterr, lambda due: np.seterr(**due)),
    (sys.getswitchinterval, sys.setswitchinterval),
    (gc.get_threshold, lambda due: gc.set_threshold(*due)),
    (lambda: logging.getLogger().level, logging.getLogger().setLevel),
    (lambda: dict(os.environ), _set_environment),
)


@contextmanager
def _put_back() -> Iterator[None]:
    """Undo at the end what a port changed."""
    with ExitStack() as back:
        for get, put in _PUT_BACK:
            back.callback(put, get())
        back.enter_context(warnings.catch_warnings())
        yield
