"""Dialects: programs that depart from the document at one switch or at several.

A `Dialect` has a value for each switch of switches.py; its defaults are the document.
enclosure.py forms the boxes of a step by it, and dialect_bookkeeping.py keeps groups,
counters and state by it: so a port can be judged by a dialect just as strictly as by
the document.  `DIALECTS` are the variants that published implementations declare.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, assert_never

from .options import Options
from .switches import (
    SWITCHES,
    Accumulator,
    Counter,
    Decay,
    Departure,
    Eps,
    Guard,
    Initial,
    Inverse,
    Loading,
    Maximize,
    NoneGradient,
    OptionsInForce,
    Rate,
    Scalars,
    Square,
    Update,
    ZeroDecay,
    ZeroGradient,
    ZeroingGradients,
)

__all__ = ["DIALECTS", "DOCUMENT", "Dialect", "single_changes"]

_DEFAULTS = Options()


@dataclass(frozen=True)
class Dialect:
    """The value of a program at every switch; the defaults are the document's."""

    name: str = "document"
    initial: Initial = "tau"
    counter: Counter = "param"
    rate: Rate = "t-1"
    scalars: Scalars = "exact"
    decay: Decay = "coupled"
    zero_decay: ZeroDecay = "off"
    square: Square = "rounded"
    accumulator: Accumulator = "grows"
    eps: Eps = "outside"
    guard: Guard = "none"
    inverse: Inverse = "rounded"
    update: Update = "subtracted"
    maximize: Maximize = "before-decay"
    none: NoneGradient = "skips"
    zero: ZeroGradient = "steps"
    options: OptionsInForce = "own"
    load: Loading = "all"
    zero_grad: ZeroingGradients = "as-told"
    defaults: Options = _DEFAULTS
    about: str = ""

    def __post_init__(self) -> None:
        for switch in SWITCHES.values():
            value = getattr(self, switch.name)
            if value != switch.document and value not in switch.others:
                known = ", ".join((switch.document, *switch.others))
                raise ValueError(f"{switch.name}={value!r} is none of {known}")

    @cached_property
    def changes(self) -> tuple[tuple[str, str], ...]:
        """(switch, value) wherever it departs from the document."""
        return tuple(
            (name, getattr(self, name))
            for name, switch in SWITCHES.items()
            if getattr(self, name) != switch.document
        )

    @cached_property
    def departures(self) -> tuple[Departure, ...]:
        """The row of every change."""
        return tuple(SWITCHES[name].others[value] for name, value in self.changes)

    @property
    def words(self) -> tuple[str, ...]:
        """Every departure in words: the lines first, then other defaults."""
        changes = [departure.words for departure in self.departures]
        own = self.defaults.changed()
        if own:
            listed = ", ".join(f"{name}={value}" for name, value in own.items())
            changes.append(f"the defaults are {listed}")
        return tuple(changes)

    @property
    def measured(self) -> bool:
        """Whether the exact step of the dialect is computed (array_exact.py)."""
        return all(departure.measured for departure in self.departures)

    @property
    def keeps_laws(self) -> bool:
        """Whether relations between runs hold for its programs as for the document."""
        return all(departure.keeps_laws for departure in self.departures)

    @property
    def keeps_books(self) -> bool:
        """Whether its bookkeeping is the document's."""
        return not any(SWITCHES[name].by_books for name, _ in self.changes)

    def also(self, switch: str, value: str) -> Dialect:
        """This dialect with one switch more."""
        change: dict[str, Any] = {switch: value}
        changed = replace(self, **change)
        return replace(changed, name="+".join("=".join(c) for c in changed.changes))

    def setting(self, t: int, o: Options) -> tuple[int, Options]:
        """The step number and the options with which the formula is run."""
        t += self.rate == "t"
        if self.scalars == "binary32":
            o = o.override(
                {
                    "lr_decay": _binary32(o.lr_decay),
                    "weight_decay": _binary32(o.weight_decay),
                    "eps": _binary32(o.eps),
                }
            )
        changes: dict[str, float | bool] = {}
        if t < 1:  # a counter that never advances
            grown = 1 + (t - 1) * o.lr_decay
            changes = {"lr": o.lr / grown if grown > 0 else o.lr, "lr_decay": 0.0}
            t = 1
        changes |= self._rate_changes(t, o)
        changes |= self._eps_changes(o)
        changes |= self._decay_changes(o)
        if self.maximize == "ignored":
            changes["maximize"] = False
        return t, o.override(changes) if changes else o

    def _rate_changes(self, t: int, o: Options) -> dict[str, float | bool]:
        """The options by which the rate of ALG-4 is that of the dialect."""
        match self.rate:
            case "t-1" | "t":
                return {}
            case "constant":
                return {"lr_decay": 0.0}
            case "binary32":
                decayed = _binary32(o.lr / (1 + (t - 1) * o.lr_decay))
                return {"lr": decayed, "lr_decay": 0.0}
            case "root":
                decayed = o.lr / math.sqrt(1 + (t - 1) * o.lr_decay)
                return {"lr": decayed, "lr_decay": 0.0}
            case _:
                assert_never(self.rate)

    def _eps_changes(self, o: Options) -> dict[str, float | bool]:
        """The eps of ALG-7; its place is a matter of enclosure.py."""
        match self.eps:
            case "outside" | "inside" | "squared":
                return {}
            case "none":
                return {"eps": 0.0}
            case "replaced":
                return {} if o.eps else {"eps": 1e-7}
            case "binary32":
                return {"eps": _binary32(o.eps)}
            case _:
                assert_never(self.eps)

    def _decay_changes(self, o: Options) -> dict[str, float | bool]:
        """The weight decay of ALG-5, or of theta where it is decoupled."""
        match self.decay:
            case "ignored":
                return {"weight_decay": 0.0}
            case "doubled" | "undecayed":
                factor = 2 if self.decay == "doubled" else o.lr
                return {"weight_decay": factor * o.weight_decay}
            case (
                "coupled"
                | "subtracted"
                | "sum-only"
                | "step-only"
                | "decoupled"
                | "unscaled"
            ):
                left_out = o.maximize and self.maximize == "no-decay"
                return {"weight_decay": 0.0} if left_out else {}
            case _:
                assert_never(self.decay)

    def initial_sum(self, own: Options, constructor: Options) -> float:
        """S_0 of a param of a group with options `own` (ALG-2)."""
        match self.initial:
            case "tau":
                return own.initial_accumulator_value
            case "zero":
                return 0.0
            case "constructor":
                return constructor.initial_accumulator_value
            case "squared":
                return own.initial_accumulator_value**2
            case "eps":
                return own.eps
            case _:
                assert_never(self.initial)


def _binary32(x: float) -> float:
    try:
        rounded: float = struct.unpack("f", struct.pack("f", x))[0]
    except OverflowError:
        return math.inf
    return rounded


DOCUMENT = Dialect()


def single_changes() -> list[Dialect]:
    """Every dialect that differs from the document in one switch."""
    return [
        DOCUMENT.also(switch.name, value)
        for switch in SWITCHES.values()
        for value in switch.others
    ]


_TENSORFLOW = Options(lr=1e-3, initial_accumulator_value=0.1, eps=1e-7)
#: The same, where a learning rate must be given.
_GIVEN_RATE = replace(_TENSORFLOW, lr=Options().lr)

_KERAS = Dialect(
    "keras",
    counter="optimizer",
    decay="decoupled",
    eps="inside",
    defaults=_TENSORFLOW,
    about="Keras 3",
)

#: The declared variants, by name; the defaults are those of their documentation.
DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        DOCUMENT,
        _KERAS,
        replace(  # XLA turns a division by a root into a product with its inverse root
            _KERAS,
            name="keras-jax",
            inverse="approximate",
            about="Keras 3, its step compiled by XLA",
        ),
        Dialect(
            "optax",
            counter="optimizer",
            eps="inside",
            guard="zero",
            inverse="approximate",
            defaults=_GIVEN_RATE,
            about="optax",
        ),
        Dialect(
            "tfjs",
            counter="optimizer",
            eps="inside",
            defaults=_GIVEN_RATE,
            about="TensorFlow.js, deeplearn.js",
        ),
        Dialect(
            "jax-example-libraries",
            counter="optimizer",
            eps="none",
            guard="zero",
            inverse="approximate",
            defaults=replace(Options(), eps=0.0),
            about="jax.example_libraries, NumPyro, both without momentum",
        ),
        Dialect(
            "eps-inside",
            eps="inside",
            about="Lasagne, ConvNetJS",
        ),
        Dialect(
            "river",
            counter="optimizer",
            square="faithful",
            eps="inside",
            about="River",
        ),
        Dialect(
            "pymc",
            square="faithful",
            eps="inside",
            about="PyMC, PyDyNet",
        ),
        Dialect(
            "pennylane",
            eps="inside",
            defaults=Options(lr=0.1, eps=1e-8),
            about="PennyLane",
        ),
        Dialect(
            "tensorflow",
            counter="optimizer",
            defaults=_TENSORFLOW,
            about="the legacy optimizer of TensorFlow",
        ),
        Dialect(
            "tensorflow-v1",
            counter="optimizer",
            eps="none",
            inverse="approximate",
            defaults=replace(_GIVEN_RATE, eps=0.0),
            about="TensorFlow's first kernel, compat.v1",
        ),
        Dialect(
            "global-counter",
            counter="optimizer",
            about="OneFlow",
        ),
        Dialect(
            "vowpal-wabbit",
            rate="binary32",
            eps="none",
            guard="zero",
            inverse="approximate",
            load="no-options",  # they are words of the command line
            defaults=Options(lr=0.5, eps=0.0),
            about="Vowpal Wabbit with --adaptive",
        ),
        Dialect(
            "mindspore",
            counter="optimizer",
            load="no-options",
            about="MindSpore's experimental optimizer",
        ),
        Dialect(
            "mxnet",
            decay="decoupled",
            eps="inside",
            defaults=Options(eps=1e-7),
            about="MXNet",
        ),
        Dialect(
            "mlx",
            counter="optimizer",
            rate="binary32",
            about="MLX",
        ),
        Dialect(
            "paddle",
            counter="optimizer",
            eps="binary32",
            inverse="approximate",
            about="PaddlePaddle",
        ),
        Dialect(
            "onnx",
            scalars="binary32",
            zero_decay="computed",
            defaults=Options(eps=0.0),
            about="the operator of ai.onnx.preview.training",
        ),
        Dialect(
            "optimisers.jl",
            initial="eps",
            defaults=Options(lr=0.1, eps=1e-8),
            about="Optimisers.jl",
        ),
        Dialect(
            "deepspeed",
            decay="sum-only",
            about="DeepSpeed's CPU kernel",
        ),
        Dialect("decoupled", decay="decoupled", about="apex with decoupled decay"),
        Dialect("adagradw", decay="undecayed", about="AdagradW"),
        Dialect(
            "flashlight",
            decay="unscaled",
            defaults=Options(lr=1.0, eps=1e-8),
            about="flashlight",
        ),
        Dialect(
            "row-wise",
            accumulator="row-mean",
            about="torchrec's RowWiseAdagrad, FBGEMM's EXACT_ROWWISE_ADAGRAD",
        ),
    )
}

#: Every field but the name, the words and the defaults is a switch.
assert {f.name for f in fields(Dialect)} == {*SWITCHES, "name", "defaults", "about"}
