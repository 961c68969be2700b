"""Adapters that lie by accident, each in one line, before a right port.

`Right` is their base, and right; those at the end are right before a wrong port.
"""

from __future__ import annotations

import numpy as np
import tiny_port

from adagrad_conformance.adapters.arrays import ArrayAdapter
from adagrad_conformance.adapters.base import ALL_OPTIONS


class Right(ArrayAdapter):
    name, version = "tiny", "1"
    claims = (ArrayAdapter.PLAIN | ALL_OPTIONS) | {"state-write", "set-option"}
    port = tiny_port.Tiny

    def make(self, params, options):
        return self.port(params, **options)

    def update(self, port, params, gradients):
        return port.step(params, gradients)

    def accumulator(self, port, name):
        return port.sums[name]

    def counter(self, port, name):
        return port.t[name]

    def write(self, port, name, accumulator, t):
        port.sums[name], port.t[name] = accumulator, t

    def set_one(self, port, option, value):
        port.options[option] = value


# -- a rate that arrives rounded -------------------------------------------------------


class RoundsTheRate(Right):
    def make(self, params, options):
        rate = float(np.float32(options.pop("lr")))
        return self.port(params, lr=rate, **options)


class PrintsTheRate(Right):
    def make(self, params, options):
        rate = float(f"{options.pop('lr'):.6f}")
        return self.port(params, rate, **options)


class RoundsEps(Right):
    def make(self, params, options):
        options["eps"] = round(options["eps"], 3)
        return self.port(params, **options)  # eps


class RoundsTheDecay(Right):
    def make(self, params, options):
        if "weight_decay" in options:
            options["weight_decay"] = float(np.float16(options["weight_decay"]))
        return self.port(params, **options)  # weight_decay


class RoundsLaterRates(Right):
    def set_one(self, port, option, value):
        port.options[option] = float(f"{value:.4g}")


class RoundsLaterRatesOnTheWay(Right):
    def set_one(self, port, option, value):
        port.change(option, round(value, 4))


# -- an option that is never handed on -------------------------------------------------


class ForgetsTheDecay(Right):
    def make(self, params, options):
        options.pop("weight_decay", None)
        return self.port(params, **options)  # no weight_decay


class ForgetsTheRate(Right):
    def make(self, params, options):
        options.pop("lr")
        return self.port(params, lr=0.01, **options)


class NeverChanges(Right):
    def set_one(self, port, option, value):
        pass


class NeverChangesTheRate(NeverChanges):
    claims = (Right.claims - {"set-option"}) | {"set-lr"}


# -- state that is a copy --------------------------------------------------------------


class ShowsTheFirstSum(Right):
    def make(self, params, options):
        port = super().make(params, options)
        self.first = {name: total.copy() for name, total in port.sums.items()}
        return port

    def accumulator(self, port, name):
        return self.first[name]


class ShowsTheLastSum(Right):
    def make(self, params, options):
        port = super().make(params, options)
        self.last = {name: total.copy() for name, total in port.sums.items()}
        return port

    def update(self, port, params, gradients):
        self.last = {name: total.copy() for name, total in port.sums.items()}
        return super().update(port, params, gradients)

    def accumulator(self, port, name):
        return self.last[name]


class WritesIntoACopy(Right):
    def make(self, params, options):
        self.written = {}
        return super().make(params, options)

    def accumulator(self, port, name):
        return self.written.get(name, port.sums[name])

    def update(self, port, params, gradients):
        self.written = {}
        return super().update(port, params, gradients)

    def write(self, port, name, accumulator, t):
        self.written[name] = accumulator


class LosesWhatMoved(Right):
    def update(self, port, params, gradients):
        port.step(params, gradients)


# -- a shape changed on the way --------------------------------------------------------


class Ravels(Right):
    def show(self, param):
        return param.ravel()


class RavelsTheSum(Right):
    def accumulator(self, port, name):
        return port.sums[name].ravel()


class TransposesTheGradient(Right):
    def give(self, gradient, like):
        return gradient.T.reshape(like.shape)


class TransposesTheSum(Right):
    def accumulator(self, port, name):
        total = port.sums[name]
        return total.reshape(total.shape[::-1]).T if total.ndim == 2 else total


# -- right before a wrong port ---------------------------------------------------------


class BeforeNarrowRate(Right):
    port = tiny_port.NarrowRate


class BeforeNoDecay(Right):
    port = tiny_port.NoDecay


class BeforeNoLaterRate(Right):
    port = tiny_port.NoLaterRate


class BeforeInsideRoot(Right):
    port = tiny_port.InsideRoot


class BeforeRoundedInside(Right):
    port = tiny_port.RoundsInside


class BeforeZeros(Right):
    """Its port makes zeros of None, as chainer's does."""

    def update(self, port, params, gradients):
        for name, given in self.gradients.items():
            if given is None:
                self.gradients[name] = self.zeros(name)
        return super().update(port, params, gradients)

    def zeros(self, name):
        like = self.tensors[name]
        return type(like)(like.format, like.shape, (0,) * len(like.bits))


class BeforeOverwriting(BeforeZeros):
    """Its port leaves the update in the gradient, as TorchOpt's does."""

    def update(self, port, params, gradients):
        moved = super().update(port, params, gradients)
        for name, given in self.gradients.items():
            bits = tuple(given.fmt.encode(x / 2) for x in given.values())
            self.gradients[name] = type(given)(given.format, given.shape, bits)
        return moved


class BeforeLettingGo(BeforeZeros):
    """Its port takes the gradient away when it has stepped."""

    def update(self, port, params, gradients):
        moved = port.step(params, gradients)
        self.gradients = dict.fromkeys(self.gradients)
        return moved
