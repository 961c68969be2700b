"""A port that notes what it is asked, and others that break off."""

from __future__ import annotations

import math
from dataclasses import replace

from adagrad_conformance.adapters.base import (
    Malformed,
)
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.checks.kinds import Adaptive
from adagrad_conformance.transport.errors import Crash, NotLoaded, Timeout
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.formats import BINARY32
from adagrad_reference.scenario import (
    Group,
    New,
    Scenario,
    Step,
    tensor,
)

P = tensor(BINARY32, [1.3, -0.7])
G = tensor(BINARY32, [0.6, -2.3])
MADE = New("A", (Group(("p",)),), {"lr": 0.7, "eps": 1e-3})


def scenario(*events, name="test/any", **params):
    return Scenario(name, ("algorithm/update",), "MUST", params or {"p": P}, events)


class Recorder(InProcessClient):
    """The NumPy port; notes what it is asked."""

    def __init__(self, where="here", log=None):
        super().__init__(NumpyAdapter)
        self.where, self.log = where, [] if log is None else log
        self.announced = []  #: what is not empty

    def start(self):
        self.log.append((self.where, "start"))
        return super().start()

    def announce(self, questions):
        if questions:
            self.announced.append((self.where, list(questions)))

    def begin(self, tensors):
        self.log.append((self.where, "begin", dict(tensors)))
        super().begin(tensors)

    def event(self, event, ask, payload=None):
        self.log.append((self.where, "event", event, payload is not None))
        return super().event(event, ask, payload)

    def read(self, optimizer):
        self.log.append((self.where, "read", optimizer))
        return super().read(optimizer)

    def second_process(self):
        other = Recorder("there", self.log)
        other.announced = self.announced
        other.start()
        return other

    def close(self):
        self.log.append((self.where, "close"))

    @property
    def asked(self):
        """What was asked, in short."""
        return [
            (where, what, *(type(rest[0]).__name__ for _ in "e" if what == "event"))
            for where, what, *rest in self.log
        ]


class Adapts(Adaptive):
    """Steps against the sign of theta, as often as it is told."""

    def __init__(self, count):
        self.id, self.requirements = "test/adaptive", ("paper/regret-bound",)
        self.tensors, self.count = {"p": P}, count

    @property
    def needed_claims(self):
        return frozenset({"binary32", "eps"})

    def events(self):
        self.heard = [(yield MADE)]
        for _ in range(self.count):
            theta = self.heard[-1]["A", "p"].theta
            gradient = tensor(BINARY32, [math.copysign(0.6, x) for x in theta.values()])
            self.heard.append((yield Step("A", {"p": gradient})))

    def problem(self, thetas):
        return f"{len(thetas)} thetas"


class Breaks(Recorder):
    """Raises at the given question."""

    def __init__(self, error, at="event"):
        super().__init__()
        self.error, self.at = error, at

    def begin(self, tensors):
        self._maybe("begin")
        super().begin(tensors)

    def event(self, event, ask, payload=None):
        self._maybe("event")
        return super().event(event, ask, payload)

    def read(self, optimizer):
        self._maybe("read")
        return super().read(optimizer)

    def _maybe(self, question):
        if question == self.at:
            raise self.error


TROUBLES = {
    "malformed": Malformed("odd"),
    "timeout": Timeout("slow"),
    "crash": Crash("gone"),
}


class Mortal(Recorder):
    """Dies at every begin; may fail to start again."""

    def __init__(self, starts=10**6):
        super().__init__()
        self.starts, self.living = starts, True

    def start(self):
        self.starts -= 1
        if self.starts < 0:
            raise NotLoaded("no more")
        self.living = True
        return super().start()

    def begin(self, tensors):
        self.living = False
        raise Crash("gone")

    @property
    def alive(self):
        return self.living


class Shows(Recorder):
    """Shows what `change` makes of its readings."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def read(self, optimizer):
        return self.change(super().read(optimizer))


def of_p(**change):
    return lambda readings: {"p": replace(readings["p"], **change)}
