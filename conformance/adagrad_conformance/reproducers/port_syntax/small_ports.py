"""Small ports in Python: River, numpy-ml, PennyLane, PyDyNet, Vowpal Wabbit, PyMC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .base import Phrases

__all__ = ["NumpyMl", "PennyLane", "PyDyNet", "PyMc", "River", "VowpalWabbit"]

_LIST = ".ravel().tolist()"


def _named(options: Mapping[str, str], names: Mapping[str, str] | None = None) -> str:
    names = names or {}
    return ", ".join(f"{names.get(x, x)}={value}" for x, value in options.items())


class River(Phrases):
    """river.optim.AdaGrad; a feature for each element."""

    head = ("import pickle", "import numpy as np", "from river import optim", "w = {}")

    def param(self, name: str, array: str) -> list[str]:
        """A weight for each element."""
        weights = f"{{({name!r}, i): x for i, x in enumerate({name}{_LIST})}}"
        return [f"{name} = {array}", f"w |= {weights}"]

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """A scheduler, where there is decay."""
        rest = dict(options)
        lr, decay = rest.pop("lr"), rest.pop("lr_decay", "")
        if not decay:
            made = ", ".join([lr, *([_named(rest)] if rest else [])])
            return [f"optimizer = optim.AdaGrad({made})"]
        made = ", ".join(["Decaying()", *([_named(rest)] if rest else [])])
        return [
            "class Decaying(optim.base.Scheduler):",
            f"    def get(self, t): return {lr} / (1 + t * {decay})",
            f"optimizer = optim.AdaGrad({made})",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A gradient for each feature."""
        lines = ["g = {}"]
        for name, gradient in gradients.items():
            if gradient != "None":
                given = f"enumerate({gradient}{_LIST})"
                lines.append(f"g |= {{({name!r}, i): x for i, x in {given}}}")
        return [*lines, "w = optimizer.step(w, g)"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """g2 and n_iterations."""
        sums = f"{{({name!r}, i): x for i, x in enumerate({array}{_LIST})}}"
        return [f"optimizer.g2.update({sums})", f"optimizer.n_iterations = {t}"]

    def save(self, name: str) -> list[str]:
        """pickle."""
        return [f"{name} = pickle.dumps(optimizer)"]

    def load(self, name: str, via: str) -> list[str]:
        """pickle."""
        return [f"optimizer = pickle.loads({name})"]

    def theta(self, name: str) -> str:
        """The weights."""
        return f"np.array([w[{name!r}, i] for i in range({name}.size)])"

    def total(self, name: str) -> str:
        """g2."""
        return f"np.array([optimizer.g2[{name!r}, i] for i in range({name}.size)])"

    def count(self, name: str) -> str:
        """n_iterations."""
        return "optimizer.n_iterations"


class NumpyMl(Phrases):
    """numpy_ml.neural_nets.optimizers.AdaGrad."""

    head = (
        "import collections, collections.abc, copy, pickle",
        "import numpy as np",
        "collections.Hashable = collections.abc.Hashable  # gone since Python 3.10",
        "from numpy_ml.neural_nets.optimizers import AdaGrad",
    )

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """By the same names."""
        self.made = f"optimizer = AdaGrad({_named(options)})"
        return [self.made]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """update by name."""
        return [
            f"{name} = optimizer.update({name}, {gradient}, {name!r})"
            for name, gradient in gradients.items()
            if gradient != "None"
        ]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """cache."""
        return [f"optimizer.cache[{name!r}] = {array}"]

    def option(self, option: str, value: str) -> list[str]:
        """set_params."""
        return [f"optimizer.set_params({{{option!r}: {value}}})"]

    def save(self, name: str) -> list[str]:
        """The dictionaries, by pickle."""
        return [f"{name} = pickle.dumps((optimizer.hyperparameters, optimizer.cache))"]

    def load(self, name: str, via: str) -> list[str]:
        """set_params; what another process has is a new optimizer."""
        anew = [self.made] if via == "new-process" else []
        return [*anew, f"optimizer.set_params(*pickle.loads({name}))"]

    def total(self, name: str) -> str:
        """cache."""
        return f"optimizer.cache[{name!r}]"

    def has_total(self, name: str) -> list[str]:
        """Whether it stands in the cache."""
        return [f'assert {name!r} in optimizer.cache, "{name} has no accumulator"']


class PennyLane(Phrases):
    """pennylane.AdagradOptimizer."""

    head = ("import pickle", "import numpy as np, pennylane as qml")
    order: Sequence[str] = ()

    def param(self, name: str, array: str) -> list[str]:
        """A tensor."""
        return [f"{name} = qml.numpy.array({array}, requires_grad=True)"]

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """By its own names."""
        self.order = params
        made = _named(options, {"lr": "stepsize"})
        return [f"optimizer = qml.AdagradOptimizer({made})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """apply_grad."""
        given = [g for g in gradients.values() if g != "None"]
        names = ", ".join(gradients)
        frozen = [
            f"{name}.requires_grad = {gradient != 'None'}"
            for name, gradient in gradients.items()
            if "None" in gradients.values()
        ]
        call = f"optimizer.apply_grad([{', '.join(given)}], [{names}])"
        return [*frozen, f"[{names}] = {call}"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """accumulation."""
        place = list(self.order).index(name)
        begin = f"optimizer.accumulation or [0.0] * {len(self.order)}"
        return [
            f"optimizer.accumulation = {begin}",
            f"optimizer.accumulation[{place}] = {array}",
        ]

    def option(self, option: str, value: str) -> list[str]:
        """An attribute."""
        return [f"optimizer.{'stepsize' if option == 'lr' else option} = {value}"]

    def save(self, name: str) -> list[str]:
        """pickle."""
        return [f"{name} = pickle.dumps(optimizer)"]

    def load(self, name: str, via: str) -> list[str]:
        """pickle."""
        return [f"optimizer = pickle.loads({name})"]

    def theta(self, name: str) -> str:
        """A plain array."""
        return f"np.asarray({name})"

    def total(self, name: str) -> str:
        """accumulation."""
        return f"np.asarray(optimizer.accumulation[{list(self.order).index(name)}])"


class PyDyNet(Phrases):
    """pydynet.optim.Adagrad."""

    head = (
        "import numpy as np",
        "from pydynet import Tensor",
        "from pydynet.nn import Parameter",
        "from pydynet.optim import Adagrad",
    )
    order: Sequence[str] = ()

    def param(self, name: str, array: str) -> list[str]:
        """A Parameter of the array's dtype."""
        return [
            f"{name} = {array}",
            f"{name} = Parameter(Tensor({name}, dtype={name}.dtype))",
        ]

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """By the same names."""
        self.order = params
        more = f", {_named(options)}" if options else ""
        return [f"optimizer = Adagrad([{', '.join(params)}]{more})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """grad, step."""
        given = [f"{n}.grad = {g}" for n, g in gradients.items() if g != "None"]
        return [*given, "optimizer.step()"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """G."""
        return [f"optimizer.G[{list(self.order).index(name)}] = {array}"]

    def option(self, option: str, value: str) -> list[str]:
        """An attribute."""
        return [f"optimizer.{option} = {value}"]

    def theta(self, name: str) -> str:
        """Its data."""
        return f"{name}.data"

    def total(self, name: str) -> str:
        """G."""
        return f"optimizer.G[{list(self.order).index(name)}]"


class VowpalWabbit(Phrases):
    """A feature for each element of one param; -g are the features of an example."""

    head = ("import numpy as np", "from vowpalwabbit import Workspace")
    loss = "--loss_function quantile --quantile_tau 1"
    rate = ""

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """Weights are numbered param by param."""
        self.rate = options["lr"]
        lines = ["start, end = {}, 0"]
        for name in params:
            lines.append(f"start[{name!r}] = end; end += {name}.size")
        lines.append(f"vw = Workspace({self._arguments()!r})")
        for name in params:
            number = f"start[{name!r}] + i"
            lines.append(f"for i, x in enumerate({name}{_LIST}):")
            lines.append(f"    vw.set_weight({number}, 0, x)")
        return lines

    def _arguments(self) -> str:
        return (
            f"--adaptive --power_t 0.5 --noconstant {self.loss} --min_prediction -1 "
            f"--max_prediction 1 --save_resume --quiet --learning_rate {self.rate}"
        )

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """Below the label the gradient of this loss is -x, here g."""
        lines = ["x = []"]
        for name, gradient in gradients.items():
            if gradient != "None":
                given = f"enumerate((-{gradient}){_LIST})"
                lines.append(f"x += [(start[{name!r}] + i, v) for i, v in {given}]")
        return [
            *lines,
            'example = vw.example({"f": x}, labelType=1)',
            'example.set_label_string("1e30")',
            "vw.learn(example); vw.finish_example(example)",
        ]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Beside the weights."""
        return [
            f"for i, x in enumerate({array}{_LIST}):",
            f"    vw.set_weight(start[{name!r}] + i, 1, x)",
        ]

    def save(self, name: str) -> list[str]:
        """A model."""
        return [f"vw.save({name + '.model'!r})"]

    def load(self, name: str, via: str) -> list[str]:
        """Another workspace."""
        arguments = f"{self._arguments()} --initial_regressor {name}.model"
        return [f"vw = Workspace({arguments!r})"]

    def theta(self, name: str) -> str:
        """The weights."""
        return self._numbers(name, 0)

    def total(self, name: str) -> str:
        """Beside them."""
        return self._numbers(name, 1)

    def _numbers(self, name: str, offset: int) -> str:
        number = f"vw.get_weight(start[{name!r}] + i, {offset})"
        return f"np.array([{number} for i in range({name}.size)])"


class PyMc(Phrases):
    """pymc.adagrad."""

    head = (
        "import numpy as np, pytensor",
        "from pymc.variational.updates import adagrad",
    )
    order: Sequence[str] = ()

    def param(self, name: str, array: str) -> list[str]:
        """A shared variable."""
        return [f"{name} = pytensor.shared({array})"]

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """A function of the gradients."""
        self.order, listed = params, ", ".join(params)
        made = _named(options, {"lr": "learning_rate", "eps": "epsilon"})
        return [
            f"params = [{listed}]",
            "pytensor.config.floatX = params[0].type.dtype",
            "grads = [p.type() for p in params]",
            f"updates = adagrad(grads, params, {made})",
            'step = pytensor.function(grads, [], updates=updates, mode="FAST_COMPILE")',
            "sums = [v for v in updates if v not in params]",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call."""
        return [f"step({', '.join(gradients.values())})"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """set_value."""
        return [f"sums[{list(self.order).index(name)}].set_value({array})"]

    def theta(self, name: str) -> str:
        """Its value."""
        return f"{name}.get_value()"

    def total(self, name: str) -> str:
        """The value of its accumulator."""
        return f"sums[{list(self.order).index(name)}].get_value()"
