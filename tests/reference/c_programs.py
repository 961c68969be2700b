"""Right programs for one step in C, compiled on the fly: what a real compiler makes.

The compiler decides what is fused and kept wide: `-ffp-contract=fast -mfma` fuses
wherever it can, `work` is the type of the intermediates, and the scalars are binary64,
rounded once to the param's type, or formed in it throughout.  Without a compiler there
are no programs, and `missing` says so.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from adagrad_reference.array_enclosure import StepBatch
from adagrad_reference.formats import BFLOAT16, BINARY16, BINARY32, BINARY64

_SOURCE = r"""
#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef BFLOAT16
typedef uint16_t T;  /* the upper half of a binary32 number */
static inline float wide(T x) {
  uint32_t bits = (uint32_t)x << 16; float y; memcpy(&y, &bits, 4); return y;
}
static inline T narrow(float x) {
  uint32_t bits; memcpy(&bits, &x, 4);
  if (isnan(x)) return 0x7fc0;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}
#define HELD(x) ((WORK)wide(narrow((float)(x))))
#else
typedef TYPE T;
#define wide(x) (x)
#define narrow(x) ((T)(x))
#define HELD(x) ((WORK)(T)(x))
#endif

int usable(void) { return __builtin_cpu_supports("fma"); }

/* order: of the update; how: 0 scalars in binary64, 1 rounded once, 2 formed in T */
#define STEP(NAME, FORM, AFTER, UPDATE)                                             \
void NAME(long n, const T *theta, const T *sum, const T *grad, double lr_,          \
          double lr_decay_, double weight_decay_, double eps_, long t, int maximize,\
          T *new_theta, T *new_sum) {                                               \
  FORM();                                                                           \
  for (long i = 0; i < n; i++) {                                                    \
    WORK x = wide(theta[i]), g = wide(grad[i]);                                     \
    if (maximize) g = -g;                                                           \
    if (weight_decay_ != 0) g = g + weight_decay * x;                               \
    WORK s = wide(sum[i]) + g * g;                                                  \
    T stored = narrow(s);                                                           \
    WORK d = ROOT(AFTER) + eps;                                                     \
    new_theta[i] = narrow(x - UPDATE);                                              \
    new_sum[i] = stored;                                                            \
  }                                                                                 \
}
#define IN_DOUBLE() double clr = lr_ / (1.0 + (t - 1) * lr_decay_),                 \
  weight_decay = weight_decay_, eps = eps_
#define ROUNDED() WORK clr = HELD(lr_ / (1.0 + (t - 1) * lr_decay_)),               \
  weight_decay = HELD(weight_decay_), eps = HELD(eps_)
#define IN_FORMAT() WORK lr = HELD(lr_), lr_decay = HELD(lr_decay_),                \
  before = HELD(t - 1), weight_decay = HELD(weight_decay_), eps = HELD(eps_);       \
  WORK clr = lr / (1 + before * lr_decay)
#define ORDERS(NAME, FORM, AFTER)                                                   \
  STEP(NAME##_0, FORM, AFTER, (clr * g) / d)                                        \
  STEP(NAME##_1, FORM, AFTER, clr * (g / d))                                        \
  STEP(NAME##_2, FORM, AFTER, g * (clr / d))                                        \
  STEP(NAME##_3, FORM, AFTER, (clr * g) * (1 / d))                                  \
  STEP(NAME##_4, FORM, AFTER, g * (clr * (1 / d)))                                  \
  STEP(NAME##_5, FORM, AFTER, clr * (g * (1 / d)))
#define BOTH(NAME, FORM)                                                            \
  ORDERS(NAME##_kept, FORM, s)                                                      \
  ORDERS(NAME##_reread, FORM, wide(stored))
BOTH(binary64, IN_DOUBLE)
BOTH(rounded, ROUNDED)
BOTH(in_format, IN_FORMAT)
"""

SCALARS = ("binary64", "rounded", "in_format")
ROOTS = ("kept", "reread")
_UNFUSED, _FUSED = ("-ffp-contract=off",), ("-ffp-contract=fast", "-mfma")


@dataclass(frozen=True)
class Build:
    """How the source is compiled: the param's type, that of intermediates, flags."""

    format: object
    type: str
    work: str
    root: str
    flags: tuple[str, ...]

    @property
    def name(self):
        """What it is called in tables."""
        held = "" if self.work == self.type else f", {self.work} inside"
        return f"{self.type}{held}, {' '.join(self.flags)}"


def builds():
    """Every way of compiling."""
    kinds = [
        (BINARY64, "double", "double", "sqrt"),
        (BINARY32, "float", "float", "sqrtf"),
        (BINARY32, "float", "double", "sqrt"),
        (BINARY32, "float", "long double", "sqrtl"),
        (BINARY16, "_Float16", "_Float16", "sqrtf"),
        (BINARY16, "_Float16", "float", "sqrtf"),
        (BFLOAT16, "bfloat16", "float", "sqrtf"),
        (BFLOAT16, "bfloat16", "double", "sqrt"),
    ]
    for fmt, held, work, root in kinds:
        for flags in (_UNFUSED, _FUSED):
            yield Build(fmt, held, work, root, flags)
    for way in ("fast", "16"):  # whether _Float16 keeps binary32 between operations
        flags = (*_UNFUSED, f"-fexcess-precision={way}")
        yield Build(BINARY16, "_Float16", "_Float16", "sqrtf", flags)


@dataclass(frozen=True)
class CProgram:
    """One compiled function."""

    build: Build
    function: object
    scalars: str
    root: str
    order: int

    @property
    def fmt(self):
        """The format of params."""
        return self.build.format

    def run(self, b: StepBatch):
        """The stored theta' and S' of every element."""
        arrays = [to_type(self.fmt, x) for x in (b.theta, b.state_sum, b.gradient)]
        theta, total = np.empty(len(b)), np.empty(len(b))
        for k, (t, o) in enumerate(b.settings):
            mine = b.which == k
            held = [np.ascontiguousarray(x[mine]) for x in arrays]
            made = [np.empty_like(held[0]) for _ in "ts"]
            self.function(
                ctypes.c_long(len(held[0])),
                *(ctypes.c_void_p(x.ctypes.data) for x in held),
                *map(ctypes.c_double, (o.lr, o.lr_decay, o.weight_decay, o.eps)),
                ctypes.c_long(t),
                ctypes.c_int(o.maximize),
                *(ctypes.c_void_p(x.ctypes.data) for x in made),
            )
            theta[mine], total[mine] = (from_type(self.fmt, x) for x in made)
        return theta, total


def to_type(fmt, x):
    """Numbers of the format as C holds them."""
    if fmt == BFLOAT16:
        return (x.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return x.astype({53: np.float64, 24: np.float32, 11: np.float16}[fmt.precision])


def from_type(fmt, x):
    """The inverse of `to_type`."""
    if fmt == BFLOAT16:
        x = (x.astype(np.uint32) << 16).view(np.float32)
    return x.astype(float)


def compiler():
    """The path of a C compiler, or None."""
    return shutil.which("gcc") or shutil.which("cc")


@dataclass(frozen=True)
class Compiled:
    """The programs of every build that compiles here, and why others do not."""

    programs: list[CProgram]
    missing: list[str]


def compile_all(folder: Path, wanted=None) -> Compiled:
    """Compile all builds, or those of the formats `wanted`, into `folder`."""
    chosen = [b for b in builds() if wanted is None or b.format in wanted]
    if compiler() is None:
        return Compiled([], ["C: no compiler here"])
    source = Path(folder) / "step.c"
    source.write_text(_SOURCE)
    programs, missing = [], []
    for number, build in enumerate(chosen):
        library = source.with_name(f"step{number}.so")
        if problem := _compile(build, source, library):
            missing.append(f"C {build.name}: {problem}")
            continue
        loaded = ctypes.CDLL(str(library))
        if "-mfma" in build.flags and not loaded.usable():
            missing.append(f"C {build.name}: this processor does not fuse")
            continue
        programs += _functions(build, loaded)
    return Compiled(programs, missing)


def _compile(build, source, library):
    held = "-DBFLOAT16" if build.format == BFLOAT16 else f"-DTYPE={build.type}"
    defined = [held, f"-DWORK={build.work}", f"-DROOT={build.root}"]
    command = [compiler(), "-O2", "-shared", "-fPIC", "-fno-math-errno", *build.flags]
    made = subprocess.run(
        [*command, *defined, str(source), "-o", str(library), "-lm"],
        capture_output=True,
        text=True,
    )
    errors = [line for line in made.stderr.splitlines() if "error" in line]
    return (errors or ["it does not compile"])[0] if made.returncode else None


def _functions(build, loaded):
    for scalars in SCALARS:
        for root in ROOTS:
            for order in range(6):
                function = getattr(loaded, f"{scalars}_{root}_{order}")
                function.restype = None
                yield CProgram(build, function, scalars, root, order)
