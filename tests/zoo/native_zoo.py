"""Right ports in a library: state on the heap of C, kernels of Numba."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from interface_zoo import Api, whole
from kernel_zoo import Kernels

__all__ = ["NATIVE_PORTS", "NUMBA_PORTS"]

_SOURCE = r"""
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct { long n, t; double lr, lr_decay, weight_decay, eps; int maximize;
                 T *sum; } Adagrad;

Adagrad *adagrad_new(long n, double tau) {
  Adagrad *a = calloc(1, sizeof *a);
  a->n = n; a->sum = malloc((n + 1) * sizeof(T));
  for (long i = 0; i < n; i++) a->sum[i] = (T)tau;
  return a;
}
void adagrad_free(Adagrad *a) { free(a->sum); free(a); }
void adagrad_options(Adagrad *a, double lr, double lr_decay, double weight_decay,
                     double eps, int maximize) {
  a->lr = lr; a->lr_decay = lr_decay; a->weight_decay = weight_decay; a->eps = eps;
  a->maximize = maximize;
}
long adagrad_steps(Adagrad *a) { return a->t; }
void adagrad_state(Adagrad *a, T *sum) { memcpy(sum, a->sum, a->n * sizeof(T)); }
void adagrad_restore(Adagrad *a, const T *sum, long t) {
  memcpy(a->sum, sum, a->n * sizeof(T)); a->t = t;
}
void adagrad_step(Adagrad *a, T *theta, const T *grad) {
  WORK clr = a->lr / (1.0 + (double)a->t * a->lr_decay);
  WORK decay = a->weight_decay, eps = a->eps;
  a->t++;
  for (long i = 0; i < a->n; i++) {
    WORK x = theta[i], g = a->maximize ? -grad[i] : grad[i];
    if (a->weight_decay != 0) g = g + decay * x;
    WORK s = a->sum[i] + g * g;
    a->sum[i] = (T)s;
    theta[i] = (T)(x - clr * g / (ROOT(s) + eps));
  }
}
int usable(void) { return FUSED ? __builtin_cpu_supports("fma") : 1; }
"""

_KINDS = {"float": np.dtype(np.float32), "double": np.dtype(np.float64)}
_FUSES, _DOES_NOT = ("-ffp-contract=fast", "-mfma"), ("-ffp-contract=off",)


@functools.cache
def library(kind, work, root, flags):
    """The compiled library; None where this machine cannot make or run it."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    folder = Path(tempfile.mkdtemp(prefix="zoo"))
    (folder / "adagrad.c").write_text(_SOURCE)
    words = [f"-DT={kind}", f"-DWORK={work}", f"-DROOT={root}"]
    words.append(f"-DFUSED={int(flags == _FUSES)}")
    command = [compiler, "-O2", "-shared", "-fPIC", *flags, *words, "adagrad.c"]
    made = subprocess.run([*command, "-o", "adagrad.so", "-lm"], cwd=folder)
    if made.returncode:
        return None
    loaded = ctypes.CDLL(str(folder / "adagrad.so"))
    shutil.rmtree(folder)
    loaded.adagrad_new.restype = ctypes.c_void_p
    loaded.adagrad_new.argtypes = [ctypes.c_long, ctypes.c_double]
    loaded.adagrad_free.argtypes = [ctypes.c_void_p]
    loaded.adagrad_options.argtypes = [
        *(ctypes.c_void_p, *[ctypes.c_double] * 4, ctypes.c_int)
    ]
    loaded.adagrad_steps.restype = ctypes.c_long
    loaded.adagrad_steps.argtypes = [ctypes.c_void_p]
    loaded.adagrad_state.argtypes = [ctypes.c_void_p] * 2
    loaded.adagrad_restore.argtypes = [*[ctypes.c_void_p] * 2, ctypes.c_long]
    loaded.adagrad_step.argtypes = [ctypes.c_void_p] * 3
    return loaded if loaded.usable() else None


class Handle:
    """One param's optimizer in C; the rest of its life is that of this object."""

    def __init__(self, library, like, o):
        self.library, self.kind, self.shape = library, like.dtype, like.shape
        tau = o["initial_accumulator_value"]
        self.place = library.adagrad_new(like.size, tau)
        self.set(o)

    def __del__(self):
        self.library.adagrad_free(self.place)

    def set(self, o):
        """All options."""
        self.o = dict(o)
        numbers = (o["lr"], o["lr_decay"], o["weight_decay"], o["eps"])
        self.library.adagrad_options(self.place, *numbers, int(o["maximize"]))

    def step(self, theta, g):
        """The new param."""
        theta, g = np.ascontiguousarray(theta).copy(), np.ascontiguousarray(g)
        self.library.adagrad_step(self.place, theta.ctypes.data, g.ctypes.data)
        return theta.reshape(self.shape)

    def shown(self):
        """S and t."""
        total = np.empty(self.shape, self.kind)
        self.library.adagrad_state(self.place, total.ctypes.data)
        return total, self.library.adagrad_steps(self.place)

    def restore(self, total, t):
        """Write S and t."""
        total = np.ascontiguousarray(total)
        self.library.adagrad_restore(self.place, total.ctypes.data, t)


class InC(Api):
    """Handles of C, one a param, in binary64 and binary32."""

    language = "C, by ctypes"
    claims = (Api.claims - {"binary16", "bfloat16"}) - {"load-same-object"}
    flags = _DOES_NOT
    works = (("double", "double", "sqrt"), ("float", "float", "sqrtf"))

    @classmethod
    def libraries(cls):
        """A library for each kind of array; None where one cannot be had."""
        made = {_KINDS[way[0]]: library(*way, cls.flags) for way in cls.works}
        return None if None in made.values() else made

    def make(self, params, options):
        made, o = self.libraries(), whole(options)
        return {k: Handle(made[x.dtype], x, o) for k, x in params.items()}

    def update(self, port, params, gradients):
        return {
            k: port[k].step(params[k], g) for k, g in gradients.items() if g is not None
        }

    def accumulator(self, port, name):
        return port[name].shown()[0]

    def counter(self, port, name):
        return port[name].shown()[1]

    def write(self, port, name, accumulator, t):
        port[name].restore(accumulator, t)

    def set_one(self, port, option, value):
        for handle in port.values():
            handle.set({**handle.o, option: value})

    def state(self, port):
        return {k: (*handle.shown(), dict(handle.o)) for k, handle in port.items()}

    def restore(self, port, state):
        for k, (total, t, o) in state.items():
            port[k].restore(total, t)
            port[k].set(o)


class InFusedC(InC):
    """The compiler fuses wherever it can."""

    flags = _FUSES


class InWideC(InC):
    """Long double between the operations, also of binary64."""

    claims = InC.claims | {"extended-precision"}
    works = (
        ("double", "long double", "sqrtl"),
        ("float", "long double", "sqrtl"),
    )


class InFusedWideC(InC):
    """binary32 is computed in binary64, and everything is fused."""

    flags = _FUSES
    works = (("double", "double", "sqrt"), ("float", "double", "sqrt"))


NATIVE_PORTS = {
    made.__name__: made
    for made in (InC, InFusedC, InWideC, InFusedWideC)
    if made.libraries() is not None
}


# -- Numba -----------------------------------------------------------------------------


def _loop(theta, g, s, clr, decay, eps):
    for i in range(theta.size):
        x = g[i] + decay * theta[i] if decay != 0 else g[i]
        s[i] += x * x
        theta[i] -= clr * x / (np.sqrt(s[i]) + eps)


class InNumba(Kernels):
    """A loop that Numba compiles; 16-bit params are computed in binary32."""

    fastmath: object = False

    @classmethod
    @functools.cache
    def compiled(cls):
        """The loop."""
        import numba

        return numba.njit(fastmath=cls.fastmath, error_model="numpy")(_loop)

    def move(self, p, grad, state, o):
        work = np.float32 if p.data.itemsize == 2 else p.data.dtype
        theta, g, s = (np.array(x, work).ravel() for x in (p.data, grad, state["sum"]))
        g = -g if o["maximize"] else g
        scalars = (self.rate(state["step"], o), o["weight_decay"], o["eps"])
        self.compiled()(theta, g, s, *scalars)
        p.data[...] = theta.reshape(p.data.shape)
        state["sum"][...] = s.reshape(p.data.shape)


class InFusingNumba(InNumba):
    """Products may be fused with sums."""

    fastmath = frozenset({"contract"})

    @classmethod
    @functools.cache
    def compiled(cls):
        import numba

        return numba.njit(fastmath={"contract"}, error_model="numpy")(_loop)


try:
    import numba
except ImportError:
    NUMBA_PORTS = ()
else:
    NUMBA_PORTS = (InNumba, InFusingNumba)
    del numba
