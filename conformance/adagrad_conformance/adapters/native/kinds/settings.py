"""torch: steps and saves under settings of the host that must not matter.

A setting is another one while the optimizer is made, stepped, saved and resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.native.torch_bench import Bench, judged
from adagrad_conformance.adapters.native.torch_kit import exception
from adagrad_conformance.adapters.torch_optim import TorchAdapter

__all__ = ["narrow_default_dtypes", "short_printing", "thread_counts"]

#: Sizes that leave different remainders when they are split among threads.
_SHAPES = ((7,), (3, 5), (11,))
_LOADS = {"save", "load-deepcopy"}


@contextmanager
def _set(
    get: Callable[[], Any], put: Callable[[Any], Any], value: Any
) -> Iterator[None]:
    before = get()
    put(value)
    try:
        yield
    finally:
        put(before)


def _default_dtype(dtype: torch.dtype) -> AbstractContextManager[None]:
    return _set(torch.get_default_dtype, torch.set_default_dtype, dtype)


def _threads(count: int) -> AbstractContextManager[None]:
    return _set(torch.get_num_threads, torch.set_num_threads, count)


@contextmanager
def _printing() -> Iterator[None]:
    """NumPy prints three digits; torch has no public way to read its options."""
    with np.printoptions(precision=3, suppress=True):
        yield


def narrow_default_dtypes(adapter: TorchAdapter) -> NativeAnswer:
    """Constructed, stepped and resumed while the default dtype has 16 bits."""
    dtypes = (torch.bfloat16, torch.float16)
    return _under(adapter, {str(d): _default_dtype(d) for d in dtypes})


def thread_counts(adapter: TorchAdapter) -> NativeAnswer:
    """Constructed, stepped and resumed with one thread and with several."""
    return _under(adapter, {f"{n} threads": _threads(n) for n in (1, 2, 3, 5)})


def short_printing(adapter: TorchAdapter) -> NativeAnswer:
    """Constructed, stepped and resumed while numbers are printed with few digits."""
    return _under(adapter, {"short printing": _printing()})


def _under(
    adapter: TorchAdapter, settings: dict[str, AbstractContextManager[None]]
) -> NativeAnswer:
    benches: list[Bench] = []
    for name, setting in settings.items():

        def run() -> None:
            benches.append(bench := Bench(adapter, _SHAPES).run(4, 8))
            if adapter.claims >= _LOADS:
                benches.append(bench.resumed(bench.saved()).run(12))

        with setting:
            said = exception(run)
        if said:
            return NativeAnswer(f"under {name}: {said}")
    return judged(*benches)
