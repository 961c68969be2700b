"""Departures from the document, as switches on its lines and on its bookkeeping.

A `Dialect` says what a program does at each place where Adagrads are known to differ;
its defaults are the document.  enclosure.py forms the boxes of a step by it, and
variant_books.py keeps groups, counters and state by it: so a port can be judged by a
dialect just as strictly as by the document.

`SWITCHES` lists every switch with its line and its values in words; `DIALECTS` are the
variants that published implementations declare.  What combines several switches is a
`Dialect` as well.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from .options import Options

__all__ = [
    "APART",
    "DIALECTS",
    "DOCUMENT",
    "SWITCHES",
    "Dialect",
    "Switch",
    "single_changes",
]

#: Ways of weight decay that leave the gradient as it is.
APART = ("decoupled", "unscaled", "undecayed")


@dataclass(frozen=True)
class Switch:
    """One place where programs differ: the line, and each value in words."""

    name: str
    line: str
    document: str  #: the document's own value
    others: Mapping[str, str]  #: every other value, in words


def _switch(name: str, line: str, document: str, **others: str) -> Switch:
    plain = {value.replace("_", "-"): words for value, words in others.items()}
    return Switch(name, line, document, plain)


#: In the order of the document's lines, then of its methods.
SWITCHES: Mapping[str, Switch] = {
    switch.name: switch
    for switch in (
        _switch(
            "initial",
            "ALG-2",
            "tau",
            zero="S starts at 0, whatever initial_accumulator_value is",
            constructor="S starts at the constructor's value in every group",
            squared="S starts at the square of initial_accumulator_value",
            eps="S starts at eps",
        ),
        _switch(
            "counter",
            "ALG-3",
            "param",
            optimizer="t counts the optimizer's steps, not those of the param",
            calls="t counts calls, also those in which the param has no gradient",
            object="t counts this object's steps, whatever was loaded or written",
            secret="t is shown right, but lr decays by the steps of this object",
            stuck="t never advances",
        ),
        _switch(
            "rate",
            "ALG-4",
            "t-1",
            t="t is counted from 0: the first step decays lr already",
            constant="lr_decay is ignored",
            binary32="the decayed learning rate is rounded to binary32",
            root="the learning rate decays with the root of 1 + (t-1) lr_decay",
        ),
        _switch(
            "scalars",
            "ALG-4",
            "exact",
            binary32="lr_decay, weight_decay and eps are rounded to binary32",
        ),
        _switch(
            "decay",
            "ALG-5",
            "coupled",
            ignored="weight_decay is ignored",
            decoupled="weight decay is decoupled: clr * weight_decay * theta is "
            "taken from theta, and the gradient stays as it is",
            unscaled="weight decay is decoupled and without the learning rate",
            undecayed="weight decay is decoupled, by lr before it decays: "
            "lr * weight_decay * theta is taken from theta",
            sum_only="weight decay enters S and not the numerator",
            step_only="weight decay enters the numerator and not S",
            subtracted="weight decay is subtracted from the gradient",
            doubled="weight decay is applied twice",
            stays_on="weight decay is computed where it is 0 too",
        ),
        _switch(
            "square",
            "ALG-6",
            "rounded",
            faithful="the square is that of a power function, less than one ulp off",
        ),
        _switch(
            "accumulator",
            "ALG-6",
            "grows",
            replaced="S is the last square alone",
            late="the update divides by the root of S as it was before the step",
            gains_eps="eps is added to S at each step",
            rooted="sqrt(S) + eps is stored in the place of S",
            row_mean="S grows by the mean of the squares of a row, which is all that "
            "belongs to one index of the first dimension",
        ),
        _switch(
            "eps",
            "ALG-7",
            "outside",
            inside="eps is inside the root: sqrt(S + eps)",
            squared="eps squared is inside the root: sqrt(S + eps^2)",
            none="there is no eps",
            replaced="eps = 0 is replaced by 1e-7",
            binary32="eps is rounded to binary32",
        ),
        _switch(
            "guard",
            "ALG-7",
            "none",
            zero="where S is 0 the update is 0",
        ),
        _switch(
            "inverse",
            "ALG-7",
            "rounded",
            approximate="the inverse of the denominator is up to 2 ulp off",
        ),
        _switch(
            "update",
            "ALG-7",
            "subtracted",
            added="the update is added to theta",
            alone="the update overwrites theta",
            nothing="a step moves neither theta nor S",
        ),
        _switch(
            "maximize",
            "ALG-9",
            "before-decay",
            after_decay="the gradient is negated after weight decay was added",
            no_decay="weight decay is left out where maximize is on",
            ignored="maximize is ignored",
        ),
        _switch(
            "none",
            "None and zero gradients",
            "skips",
            zero="a None gradient is treated as zero",
        ),
        _switch(
            "zero",
            "None and zero gradients",
            "steps",
            skips="a gradient of zeros is treated as None",
            uncounted="a gradient of zeros steps, but t does not advance",
            elements_skip="elements with a zero gradient are skipped",
        ),
        _switch(
            "options",
            "groups",
            "own",
            constructor="every group uses the constructor's options",
            first="every group uses the first group's options",
            frozen="an option that is changed between steps has no effect",
        ),
        _switch(
            "load",
            "load_state_dict",
            "all",
            no_sum="S is not restored",
            no_counter="t is not restored",
            no_state="neither S nor t is restored",
            no_options="the options of the groups are not restored",
            first_options="every group gets the first group's loaded options",
            no_lr="the constructor's lr wins over the loaded one",
            no_maximize="maximize is not restored",
        ),
        _switch(
            "zero_grad",
            "zero_grad",
            "as-told",
            to_zero="zero_grad gives zeros where it should give None",
            to_none="zero_grad gives None where it should give zeros",
            nothing="zero_grad does nothing",
        ),
    )
}


_DEFAULTS = Options()


@dataclass(frozen=True)
class Dialect:
    """What a program does at every switch; the defaults are the document's."""

    name: str = "document"
    initial: str = "tau"
    counter: str = "param"
    rate: str = "t-1"
    scalars: str = "exact"
    decay: str = "coupled"
    square: str = "rounded"
    accumulator: str = "grows"
    eps: str = "outside"
    guard: str = "none"
    inverse: str = "rounded"
    update: str = "subtracted"
    maximize: str = "before-decay"
    none: str = "skips"
    zero: str = "steps"
    options: str = "own"
    load: str = "all"
    zero_grad: str = "as-told"
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

    @property
    def words(self) -> tuple[str, ...]:
        """Every departure in words: the lines first, then other defaults."""
        changes = [SWITCHES[name].others[value] for name, value in self.changes]
        own = self.defaults.changed()
        if own:
            listed = ", ".join(f"{name}={value}" for name, value in own.items())
            changes.append(f"the defaults are {listed}")
        return tuple(changes)

    def also(self, switch: str, value: str) -> Dialect:
        """This dialect with one switch more."""
        change: dict[str, Any] = {switch: value}
        changed = replace(self, **change)
        return replace(changed, name="+".join("=".join(c) for c in changed.changes))

    def setting(self, t: int, o: Options) -> tuple[int, Options]:
        """The step number and the options that the formula is to be fed with."""
        t += self.rate == "t"
        changes: dict[str, float | bool] = {}
        if self.scalars == "binary32":
            o = o.override(
                {
                    "lr_decay": _binary32(o.lr_decay),
                    "weight_decay": _binary32(o.weight_decay),
                    "eps": _binary32(o.eps),
                }
            )
        if t < 1:  # a counter that never advances
            grown = 1 + (t - 1) * o.lr_decay
            changes = {"lr": o.lr / grown if grown > 0 else o.lr, "lr_decay": 0.0}
            t = 1
        if self.rate == "constant":
            changes["lr_decay"] = 0.0
        if self.rate == "binary32":
            changes |= {"lr": _binary32(o.lr / (1 + (t - 1) * o.lr_decay))}
            changes["lr_decay"] = 0.0
        if self.rate == "root":
            changes |= {"lr": o.lr / math.sqrt(1 + (t - 1) * o.lr_decay)}
            changes["lr_decay"] = 0.0
        if self.eps == "none":
            changes["eps"] = 0.0
        if self.eps == "replaced" and o.eps == 0:
            changes["eps"] = 1e-7
        if self.eps == "binary32":
            changes["eps"] = _binary32(o.eps)
        if self.decay == "ignored" or (o.maximize and self.maximize == "no-decay"):
            changes["weight_decay"] = 0.0
        if self.decay == "doubled":
            changes["weight_decay"] = 2 * o.weight_decay
        if self.decay == "undecayed":
            changes["weight_decay"] = o.lr * o.weight_decay
        if self.maximize == "ignored":
            changes["maximize"] = False
        return t, o.override(changes) if changes else o

    def initial_sum(self, own: Options, constructor: Options) -> float:
        """S_0 of a param of a group with options `own` (ALG-2)."""
        match self.initial:
            case "zero":
                return 0.0
            case "constructor":
                return constructor.initial_accumulator_value
            case "squared":
                return own.initial_accumulator_value**2
            case "eps":
                return own.eps
        return own.initial_accumulator_value


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
            about="Lasagne, PyDyNet, ConvNetJS",
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
            about="PyMC",
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
            decay="stays-on",
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
