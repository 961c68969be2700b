"""Right ports whose interface is another than a class with groups: their adapters.

Each stands with its port in one place: functions, closures, generators, frozen data.
"""

from __future__ import annotations

import dataclasses
import pickle
from types import MappingProxyType

import numpy as np

from adagrad_conformance.adapters.arrays import NARROW, ArrayAdapter
from adagrad_reference.options import Options

__all__ = [
    "DEFAULTS",
    "INTERFACES",
    "Api",
    "PureFunctions",
    "begun",
    "moved",
    "whole",
]

DEFAULTS = MappingProxyType(vars(Options()).copy())


def whole(options):
    """Options with the document's defaults for the rest."""
    return {**DEFAULTS, **options}


def begun(theta, o):
    """S before the first step."""
    with np.errstate(over="ignore"):
        tau = np.full(np.shape(theta), o["initial_accumulator_value"], float)
        return tau.astype(theta.dtype)


def moved(theta, g, s, t, o):
    """theta' and S' of step t, in new arrays of the param's format."""
    work = np.float32 if theta.itemsize == 2 else theta.dtype
    kind, clr = theta.dtype, o["lr"] / (1 + (t - 1) * o["lr_decay"])
    theta, g, s = (np.asarray(x, work) for x in (theta, g, s))
    with np.errstate(all="ignore"):
        g = -g if o["maximize"] else g
        g = g + o["weight_decay"] * theta if o["weight_decay"] else g
        s = s + g * g
        theta = theta - clr * g / (np.sqrt(s) + o["eps"])
        return theta.astype(kind), s.astype(kind)


class Api(ArrayAdapter):
    """The claims that most of these ports make."""

    version, language = "1", "Python (NumPy)"
    options = frozenset(
        ("lr-decay", "weight-decay", "initial-accumulator-value", "maximize")
    )
    saves = frozenset(("save", "load-bytes", "load-deepcopy", "load-same-object"))
    claims = (
        (ArrayAdapter.PLAIN | NARROW | options | saves)
        | {"zero-eps", "zero-accumulator", "defaults", "load-new-process"}
        | {"state-write", "set-option", "many-steps"}
    )

    def __init__(self):
        self.name = type(self).__name__
        self.begin({})


class PureFunctions(Api):
    """`init` and `update`, of trees by name; nothing is ever changed."""

    @staticmethod
    def init(params, o):
        """The state of a tree of params."""
        return {k: (begun(theta, o), 0) for k, theta in params.items()}

    @staticmethod
    def change(params, gradients, state, o):
        """New params and a new state."""
        given = {k: g for k, g in gradients.items() if g is not None}
        new = {
            k: moved(params[k], g, state[k][0], state[k][1] + 1, o)
            for k, g in given.items()
        }
        stepped = {k: (s, state[k][1] + 1) for k, (_, s) in new.items()}
        return {**params, **{k: x for k, (x, _) in new.items()}}, {**state, **stepped}

    def make(self, params, options):
        """State and options are all there is."""
        return {"o": whole(options), "state": self.init(params, whole(options))}

    def update(self, port, params, gradients):
        new, port["state"] = self.change(params, gradients, port["state"], port["o"])
        return new

    def accumulator(self, port, name):
        return port["state"][name][0]

    def counter(self, port, name):
        return port["state"][name][1]

    def write(self, port, name, accumulator, t):
        port["state"] = {**port["state"], name: (accumulator, t)}

    def set_one(self, port, option, value):
        port["o"] = {**port["o"], option: value}

    def state(self, port):
        return dict(port)

    def restore(self, port, state):
        return dict(state)


class Closures(Api):
    """A function that makes three functions, which share hidden variables."""

    claims = Api.claims - {"load-new-process", "load-same-object"}

    def make(self, params, options):
        o, state = whole(options), {}
        for k, theta in params.items():
            state[k] = [begun(theta, o), 0]

        def step(k, theta, g):
            state[k][1] += 1
            theta, state[k][0] = moved(theta, g, *state[k], o)
            return theta

        def remember():
            return dict(o), {k: list(held) for k, held in state.items()}

        def recall(kept):
            o.update(kept[0])
            state.update((k, list(held)) for k, held in kept[1].items())

        return step, remember, recall, o.__setitem__, state.__setitem__

    def update(self, port, params, gradients):
        return {
            k: port[0](k, params[k], g) for k, g in gradients.items() if g is not None
        }

    def accumulator(self, port, name):
        return port[1]()[1][name][0]

    def counter(self, port, name):
        return port[1]()[1][name][1]

    def write(self, port, name, accumulator, t):
        port[4](name, [accumulator, t])

    def set_one(self, port, option, value):
        port[3](option, value)

    def state(self, port):
        return port[1]()

    def restore(self, port, state):
        port[2](state)


@dataclasses.dataclass(frozen=True)
class Training:
    """Params, sums, counts and options: one value, replaced at each step."""

    thetas: dict
    sums: dict
    counts: dict
    o: Options

    def after(self, gradients):
        """The value after a step."""
        thetas, sums, counts = map(dict, (self.thetas, self.sums, self.counts))
        for k, g in gradients.items():
            counts[k] += 1
            new = moved(thetas[k], g, sums[k], counts[k], vars(self.o))
            thetas[k], sums[k] = new
        return dataclasses.replace(self, thetas=thetas, sums=sums, counts=counts)


class Frozen(Api):
    """A frozen dataclass; the adapter keeps the last one."""

    def make(self, params, options):
        o = Options().override(options)
        sums = {k: begun(theta, vars(o)) for k, theta in params.items()}
        return [Training(dict(params), sums, dict.fromkeys(params, 0), o)]

    def update(self, port, params, gradients):
        given = {k: g for k, g in gradients.items() if g is not None}
        last = dataclasses.replace(port[0], thetas=params)
        port[0] = last.after(given)
        return port[0].thetas

    def accumulator(self, port, name):
        return port[0].sums[name]

    def counter(self, port, name):
        return port[0].counts[name]

    def write(self, port, name, accumulator, t):
        sums, counts = {**port[0].sums, name: accumulator}, {**port[0].counts, name: t}
        port[0] = dataclasses.replace(port[0], sums=sums, counts=counts)

    def set_one(self, port, option, value):
        changed = port[0].o.override({option: value})
        port[0] = dataclasses.replace(port[0], o=changed)

    def state(self, port):
        return port[0]

    def restore(self, port, state):
        return [state]


def training(thetas, o):
    """A generator: gradients are sent in, params and what it holds come out."""
    held = {k: (begun(theta, o), 0) for k, theta in thetas.items()}
    gradients = yield
    while True:
        new = {}
        for k, (theta, g) in gradients.items():
            s, t = held[k]
            new[k], s = moved(theta, g, s, t + 1, o)
            held[k] = s, t + 1
        gradients = yield new, dict(held)


class Generator(Api):
    """A generator shows its state with each step, and cannot be saved or changed."""

    claims = Api.claims - {
        *Api.saves,
        *("load-new-process", "set-option", "state-write"),
    }

    def make(self, params, options):
        port = training(params, whole(options))
        next(port)
        return {"port": port, "held": None}

    def update(self, port, params, gradients):
        given = {k: (params[k], g) for k, g in gradients.items() if g is not None}
        new, port["held"] = port["port"].send(given)
        return new

    def accumulator(self, port, name):
        return None if port["held"] is None else port["held"][name][0]

    def counter(self, port, name):
        return None if port["held"] is None else port["held"][name][1]


class SelfContained(Api):
    """The port holds the params itself; they are handed out after each step."""

    def make(self, params, options):
        o = whole(options)
        return {
            k: {"theta": theta, "sum": begun(theta, o), "t": 0, "o": dict(o)}
            for k, theta in params.items()
        }

    def update(self, port, params, gradients):
        for k, g in gradients.items():
            port[k]["theta"] = params[k]
            if g is not None:
                mine = port[k]
                mine["t"] += 1
                new = moved(mine["theta"], g, mine["sum"], mine["t"], mine["o"])
                mine["theta"], mine["sum"] = new
        return {k: mine["theta"] for k, mine in port.items()}

    def accumulator(self, port, name):
        return port[name]["sum"]

    def counter(self, port, name):
        return port[name]["t"]

    def write(self, port, name, accumulator, t):
        port[name].update(sum=accumulator, t=t)

    def set_one(self, port, option, value):
        for mine in port.values():
            mine["o"][option] = value

    def state(self, port):
        return pickle.loads(pickle.dumps(port))

    def restore(self, port, state):
        return pickle.loads(pickle.dumps(state))


INTERFACES = {
    made.__name__: made
    for made in (PureFunctions, Closures, Frozen, Generator, SelfContained)
}
