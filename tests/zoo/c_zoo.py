"""A port whose step is a compiled C function."""

from __future__ import annotations

import numpy as np
from numpy_zoo import InFormat

from adagrad_reference.array_enclosure import StepBatch
from adagrad_reference.options import Options

__all__ = ["c_port"]


def c_port(programs):
    """A port that steps with `programs[format]`."""

    class StepsInC(InFormat):
        """The arrays are handed to C as they are."""

        def stepped(self, fmt, theta, g, s, t, o):
            names = ("lr", "lr_decay", "weight_decay", "eps", "maximize")
            setting = (t, Options(**{name: o[name] for name in names}))
            flat = (x.ravel() for x in (theta, s, g))
            which = np.zeros(theta.size, int)
            b = StepBatch(fmt, *flat, [setting], which)
            return tuple(x.reshape(theta.shape) for x in programs[fmt].run(b))

    return StepsInC
