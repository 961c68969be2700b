"""torch: settings and generators of a process: read, altered, and put back."""

from __future__ import annotations

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
from typing import Any

import numpy as np
import torch

__all__ = [
    "PROCESS_PROBES",
    "TORCH_PROBES",
    "altered",
    "as_found",
    "put_back",
]

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


TORCH_PROBES: dict[str, Probe] = {
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
PROCESS_PROBES: dict[str, Probe] = {
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
def as_found() -> Iterator[None]:
    """The settings of this process as they are."""
    yield


@contextmanager
def altered() -> Iterator[None]:
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

# -- back again ------------------------------------------------------------------------


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
def put_back() -> Iterator[None]:
    """Undo at the end what a port changed."""
    with ExitStack() as back:
        for get, put in _PUT_BACK:
            back.callback(put, get())
        back.enter_context(warnings.catch_warnings())
        yield
