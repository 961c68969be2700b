"""Right ports that differ in how options are given, and in which there are."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import NamedTuple

from interface_zoo import DEFAULTS, Api, PureFunctions, begun, moved, whole

from adagrad_conformance.adapters.arrays import ArrayAdapter
from adagrad_reference.dialects import Dialect
from adagrad_reference.options import Options, illegal_option

__all__ = ["OPTION_PORTS"]


class OnlyRate(PureFunctions):
    """Of its options only the rate can be changed, by a method of its own."""

    claims = (PureFunctions.claims - {"set-option"}) | {"set-lr"}

    def set_one(self, port, option, value):
        if option != "lr":
            raise NotImplementedError(option)
        super().set_one(port, option, value)


class ListOfOneDict(PureFunctions):
    """Params and options come as a list of one dict; there are no groups beside it."""

    def make(self, params, options):
        return self.from_groups([{"params": params, **options}])

    def from_groups(self, groups):
        """The port's own constructor."""
        if len(groups) != 1:
            raise ValueError("there is one group")
        ((params, o),) = [
            (group["params"], {k: v for k, v in group.items() if k != "params"})
            for group in groups
        ]
        return super().make(params, o)


class NoneIsOff(PureFunctions):
    """weight_decay=None is off, as is documented; 0 is a coefficient as any other."""

    def own_options(self, options):
        return {k: self.spelt(k, v) for k, v in options.items()}

    @staticmethod
    def spelt(option, value):
        """An option as the port's users spell it."""
        return None if option == "weight_decay" and not value else value

    def make(self, params, options):
        return super().make(params, {"weight_decay": None, **options})

    def set_one(self, port, option, value):
        super().set_one(port, option, self.spelt(option, value))


class Words(PureFunctions):
    """Options are words of a command line, `--lr=0.5`, and are kept as such."""

    def own_options(self, options):
        return {name: f"--{name}={value!r}" for name, value in options.items()}

    def make(self, params, options):
        return super().make(params, {k: self.read_word(w) for k, w in options.items()})

    def set_one(self, port, option, value):
        word = self.own_options({option: value})[option]
        super().set_one(port, option, self.read_word(word))

    @staticmethod
    def read_word(word):
        """The value of a word."""
        text = word.partition("=")[2]
        return text == "True" if text in ("True", "False") else float(text)


class Scheduled(PureFunctions):
    """The rate is a function of the number of earlier steps, given as such."""

    claims = PureFunctions.claims - {"load-same-object", "load-deepcopy"}

    def make(self, params, options):
        o = whole(options)
        lr, decay = o.pop("lr"), o.pop("lr_decay")
        return {"o": {**o, "rate": (lr, decay)}, "state": self.init(params, o)}

    def update(self, port, params, gradients):
        lr, decay = port["o"]["rate"]

        def rate(earlier):
            return lr / (1 + earlier * decay)

        new, state = dict(params), dict(port["state"])
        for k, g in gradients.items():
            if g is not None:
                s, t = state[k]
                o = {**port["o"], "lr": rate(t), "lr_decay": 0.0}
                new[k], s = moved(params[k], g, s, 1, o)
                state[k] = s, t + 1
        port["state"] = state
        return new

    def set_one(self, port, option, value):
        lr, decay = port["o"]["rate"]
        if option in ("lr", "lr_decay"):
            rate = (value, decay) if option == "lr" else (lr, value)
            option, value = "rate", rate
        super().set_one(port, option, value)


class Cell(NamedTuple):
    """One param's optimizer."""

    total: object
    t: int
    o: dict


class OneEach(PureFunctions):
    """An optimizer holds a single param, as is documented."""

    claims = (PureFunctions.claims - {"mixed-formats"}) | {"one-param"}

    def make(self, params, options):
        ((name, theta),) = params.items()
        o = whole(options)
        return {"name": name, "cell": Cell(begun(theta, o), 0, o)}

    def update(self, port, params, gradients):
        ((name, g),) = gradients.items()
        if g is None:
            return None
        s, t, o = port["cell"]
        theta, s = moved(params[name], g, s, t + 1, o)
        port["cell"] = Cell(s, t + 1, o)
        return {name: theta}

    def accumulator(self, port, name):
        return port["cell"].total

    def counter(self, port, name):
        return port["cell"].t

    def write(self, port, name, accumulator, t):
        port["cell"] = Cell(accumulator, t, port["cell"].o)

    def set_one(self, port, option, value):
        port["cell"] = port["cell"]._replace(o={**port["cell"].o, option: value})


class Strict(PureFunctions):
    """Refuses whatever it does not know, and a step in which nothing has a gradient."""

    claims = PureFunctions.claims | {"refusals", "needs-a-gradient"}

    def make(self, params, options):
        if set(options) - set(DEFAULTS):
            raise TypeError("unknown options")
        self.check(options)
        return super().make(params, options)

    @staticmethod
    def check(options):
        """Illegal options, infinite ones among them, are refused."""
        if illegal_option(options) or math.inf in options.values():
            raise ValueError("an option is illegal")

    def update(self, port, params, gradients):
        if all(g is None for g in gradients.values()):
            raise ValueError("nothing has a gradient")
        return super().update(port, params, gradients)

    def set_one(self, port, option, value):
        self.check({option: value})
        super().set_one(port, option, value)

    def restore(self, port, state):
        mine, given = port["state"], state["state"]
        if {k: s.shape for k, (s, _) in mine.items()} != {
            k: s.shape for k, (s, _) in given.items()
        }:
            raise ValueError("a state of other params")
        return super().restore(port, state)


class FixedEps(PureFunctions):
    """eps and S_0 are numbers of the source; there is neither decay nor ascent."""

    constants = MappingProxyType(
        {"eps": 1e-6, "initial_accumulator_value": 0.1, "weight_decay": 0.0}
    )
    dialect = "zoo:fixed"
    own_dialect = Dialect(
        "zoo:fixed", defaults=Options(eps=1e-6, initial_accumulator_value=0.1)
    )
    claims = (PureFunctions.claims - Api.options - {"eps", "zero-eps", "defaults"}) | {
        "lr-decay"
    }

    def make(self, params, options):
        return super().make(params, {**self.constants, **options})


class NoOptions(PureFunctions):
    """lr and eps, and nothing else; S is never shown, nothing is saved."""

    claims = ArrayAdapter.PLAIN - {"state", "eps"} | {"set-lr"}
    constants = MappingProxyType(
        {
            **{"eps": 1e-10, "lr_decay": 0.0},
            **{"initial_accumulator_value": 0.0, "weight_decay": 0.0},
        }
    )

    def accumulator(self, port, name):
        return None

    def counter(self, port, name):
        return None


OPTION_PORTS = {
    made.__name__: made
    for made in (
        OnlyRate,
        ListOfOneDict,
        NoneIsOff,
        Words,
        Scheduled,
        OneEach,
        Strict,
        FixedEps,
        NoOptions,
    )
}
