"""A right port on arrays, which the adapters of lying_adapters.py misuse.

`Rooted` and its like are ports with a fault of their own.
"""

from __future__ import annotations

import numpy as np


class Tiny:
    """Adagrad over arrays by name; `rates` are those of the groups."""

    def __init__(self, params, lr, eps=1e-10, **options):
        self.options = {"lr": lr, "eps": eps, **options}
        first = options.get("initial_accumulator_value", 0.0)
        self.sums = {name: np.full_like(p, first) for name, p in params.items()}
        self.t = dict.fromkeys(params, 0)

    def rate(self):
        return self.options["lr"]

    def change(self, option, value):
        self.options[option] = value

    def step(self, params, gradients):
        with np.errstate(all="ignore"):
            moved = {n: self.one(n, params[n], g) for n, g in gradients.items()}
        return {name: array for name, array in moved.items() if array is not None}

    def one(self, name, theta, g):
        if g is None:
            return None
        o = self.options
        g = -g if o.get("maximize") else g
        if decay := o.get("weight_decay"):
            g = g + theta.dtype.type(decay) * theta
        rate = self.rate() / (1 + self.t[name] * o.get("lr_decay", 0.0))
        self.t[name] += 1
        total = self.sums[name]
        total += g * g
        kind = theta.dtype.type
        return theta - kind(rate) * g / (np.sqrt(total) + kind(o["eps"]))


class NarrowRate(Tiny):
    """A port that keeps its rate in binary32."""

    def rate(self):
        return float(np.float32(self.options["lr"]))


class NoDecay(Tiny):
    """A port that takes weight_decay and does nothing with it."""

    def __init__(self, params, lr, weight_decay=0.0, **options):
        super().__init__(params, lr, **options)


class NoLaterRate(Tiny):
    """A port that goes on with the rate of its constructor."""

    def __init__(self, params, lr, **options):
        super().__init__(params, lr, **options)
        self.first = lr

    def rate(self):
        return self.first


class InsideRoot(Tiny):
    """A port with eps in another place."""

    def one(self, name, theta, g):
        eps, self.options["eps"] = self.options["eps"], 0.0
        found = None if g is None else super().one(name, theta, g)
        self.options["eps"] = eps
        if g is None:
            return None
        root = np.sqrt(self.sums[name] + theta.dtype.type(eps))
        return theta - (theta - found) * np.sqrt(self.sums[name]) / root


class RoundsInside(Tiny):
    """A port whose constructor rounds."""

    def __init__(self, params, lr, **options):
        super().__init__(params, float(np.float32(lr)), **options)
