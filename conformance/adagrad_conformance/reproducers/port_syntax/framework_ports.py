"""Ports of frameworks: MLX, MXNet, PaddlePaddle, ONNX and tinygrad, MindSpore."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from .base import Options, Phrases, param_group

__all__ = [
    "MindSpore",
    "MindSporeNn",
    "Mlx",
    "MlxInit",
    "Mxnet",
    "Onnx",
    "Paddle",
    "Tinygrad",
    "TinygradRealized",
]


def _named(options: Mapping[str, str], names: Mapping[str, str] | None = None) -> str:
    names = names or {}
    return ", ".join(f"{names.get(x, x)}={value}" for x, value in options.items())


class Mlx(Phrases):
    """mlx.optimizers.Adagrad."""

    head = (
        "import ml_dtypes, numpy as np",
        "import mlx.core as mx",
        "from mlx.optimizers import Adagrad",
        "from mlx.utils import tree_flatten, tree_unflatten",
        "mx.set_default_device(mx.cpu); params = {}",
    )

    def param(self, name: str, array: str) -> list[str]:
        """In a dictionary."""
        return [f"params[{name!r}] = {self._array(array)}"]

    def _array(self, array: str) -> str:
        if "bfloat16" in array:
            return f"mx.array({array}.view(np.uint16)).view(mx.bfloat16)"
        kind = next(x for x in ("float16", "float32", "float64") if x in array)
        return f"mx.array({array}, mx.{kind})"

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """A function of the step, where there is decay."""
        rest = dict(options)
        lr, decay = rest.pop("lr"), rest.pop("lr_decay", "")
        if decay:
            lr = f"lambda step: mx.array({lr} / (1 + step.item() * {decay}))"
        named = f", {_named(rest)}" if rest else ""
        return [f"optimizer = Adagrad({lr}{named})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """What has no gradient is left out."""
        given = ", ".join(
            f"{name!r}: {self._array(gradient)}"
            for name, gradient in gradients.items()
            if gradient != "None"
        )
        return [f"params |= optimizer.apply_gradients({{{given}}}, params)"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """init begins it."""
        return [
            f"optimizer.init({{{name!r}: params[{name!r}]}})",
            f"optimizer.state[{name!r}]['v'] = {self._array(array)}",
            f"optimizer.state['step'] = mx.array({t}, mx.uint64)",
        ]

    def save(self, name: str) -> list[str]:
        """save_safetensors."""
        file = f"{name + '.safetensors'!r}"
        return [f"mx.save_safetensors({file}, dict(tree_flatten(optimizer.state)))"]

    def load(self, name: str, via: str) -> list[str]:
        """load."""
        loaded = f"mx.load({name + '.safetensors'!r})"
        return [f"optimizer.state = tree_unflatten(list({loaded}.items()))"]

    def theta(self, name: str) -> str:
        """NumPy has no bfloat16."""
        return f"np.array(params[{name!r}].astype(mx.float64))"

    def total(self, name: str) -> str:
        """v."""
        return f"np.array(optimizer.state[{name!r}]['v'].astype(mx.float64))"

    def count(self, name: str) -> str:
        """step."""
        return "optimizer.state['step'].item()"


class MlxInit(Mlx):
    """The same, after init."""

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """And init."""
        return [*super().new(params, options), "optimizer.init(params)"]


class Mxnet(Phrases):
    """mxnet.optimizer.AdaGrad."""

    head = ("import mxnet as mx, numpy as np",)
    order: Sequence[str] = ()

    def param(self, name: str, array: str) -> list[str]:
        """An NDArray of the same dtype."""
        return [f"{name} = {self._array(array)}"]

    def _array(self, array: str) -> str:
        kind = next(x for x in ("float16", "float32", "float64") if x in array)
        return f"mx.nd.array({array}, dtype={kind!r})"

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """An updater."""
        self.order = params
        named = _named(options, {"lr": "learning_rate", "weight_decay": "wd"})
        made = f"mx.optimizer.AdaGrad({named})"
        return [f"updater = mx.optimizer.get_updater({made})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """By index."""
        return [
            f"updater({list(self.order).index(name)}, {self._array(gradient)}, {name})"
            for name, gradient in gradients.items()
            if gradient != "None"
        ]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """Into the states."""
        place = list(self.order).index(name)
        return [
            f"updater.states[{place}] = {self._array(array)}",
            f"updater.states_synced[{place}] = True",
        ]

    def save(self, name: str) -> list[str]:
        """get_states."""
        return [f"{name} = updater.get_states(dump_optimizer=True)"]

    def load(self, name: str, via: str) -> list[str]:
        """set_states."""
        return [f"updater.set_states({name})"]

    def theta(self, name: str) -> str:
        """asnumpy()."""
        return f"{name}.asnumpy()"

    def total(self, name: str) -> str:
        """The history."""
        return f"updater.states[{list(self.order).index(name)}].asnumpy()"


class Paddle(Phrases):
    """paddle.optimizer.Adagrad."""

    head = (
        "import io, numpy as np, paddle",
        "from paddle.optimizer import Adagrad",
        "from paddle.optimizer.lr import InverseTimeDecay",
    )
    decays = False

    def param(self, name: str, array: str) -> list[str]:
        """create_parameter."""
        dtype = "float64" if "float64" in array else "float32"
        initial = f"paddle.nn.initializer.Assign({array})"
        made = f"{name}.shape, {dtype!r}, default_initializer={initial}"
        return [
            f"{name} = {array}",
            f"{name} = paddle.create_parameter({made.replace(array, name)})",
        ]

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """A scheduler, where there is decay."""
        rest = dict(options)
        lr, decay = rest.pop("lr"), rest.pop("lr_decay", "")
        self.decays, lines = bool(decay), []
        if decay:
            lines, lr = [f"rate = InverseTimeDecay({lr}, {decay})"], "rate"
        named = _named(rest, {"eps": "epsilon"})
        listed = f"parameters=[{', '.join(params)}]"
        made = ", ".join([lr, listed, *([named] if named else [])])
        return [*lines, f"optimizer = Adagrad({made})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """grad, step, and the scheduler's."""
        lines = []
        for name, gradient in gradients.items():
            given = "None" if gradient == "None" else f"paddle.to_tensor({gradient})"
            lines.append(f"{name}.grad = {given}")
        return [*lines, "optimizer.step()", *(["rate.step()"] if self.decays else [])]

    def save(self, name: str) -> list[str]:
        """paddle.save."""
        return [f"{name} = io.BytesIO(); paddle.save(optimizer.state_dict(), {name})"]

    def load(self, name: str, via: str) -> list[str]:
        """paddle.load."""
        loaded = f"paddle.load(io.BytesIO({name}.getvalue()))"
        return [f"optimizer.set_state_dict({loaded})"]

    def theta(self, name: str) -> str:
        """numpy()."""
        return f"{name}.numpy()"

    def total(self, name: str) -> str:
        """By the name of the param."""
        found = f"k.startswith({name}.name + '_moment')"
        return f"next(v for k, v in optimizer.state_dict().items() if {found}).numpy()"

    def count(self, name: str) -> str:
        """The scheduler's."""
        return "rate.last_epoch"


_MODEL = (
    "def model(kind, shape, **attributes):",
    "    node = helper.make_node('Adagrad', ['R', 'T', 'X', 'G', 'H'], ['X2', 'H2'],",
    "                            domain='ai.onnx.preview.training', **attributes)",
    "    info = helper.make_tensor_value_info",
    "    scalars = [info('R', kind, []), info('T', TensorProto.INT64, [])]",
    "    tensors = [info(name, kind, shape) for name in 'XGH']",
    "    results = [info(name, kind, shape) for name in ('X2', 'H2')]",
    "    graph = helper.make_graph([node], 'step', scalars + tensors, results)",
    "    domains = [('', 18), ('ai.onnx.preview.training', 1)]",
    "    opsets = [helper.make_opsetid(*domain) for domain in domains]",
    "    return helper.make_model(graph, opset_imports=opsets)",
)


class Onnx(Phrases):
    """The operator in the ReferenceEvaluator; X, H and T by name."""

    head: tuple[str, ...] = (
        "import numpy as np",
        "from onnx import TensorProto, helper",
        "from onnx.reference import ReferenceEvaluator",
        *_MODEL,
        "X, H, T, run = {}, {}, {}, {}",
    )
    rate = ""
    kinds: Mapping[str, str] = MappingProxyType({})

    def param(self, name: str, array: str) -> list[str]:
        """By name."""
        kind = "float64" if "float64" in array else "float32"
        self.kinds = {**self.kinds, name: kind}
        return [f"X[{name!r}] = {array}"]

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """A model for each param."""
        rest = dict(options)
        self.rate, tau = rest.pop("lr"), rest.pop("initial_accumulator_value", "0")
        names = {
            "lr_decay": "decay_factor",
            "weight_decay": "norm_coefficient",
            "eps": "epsilon",
        }
        named = f", {_named(rest, names)}" if rest else ""
        lines = []
        for name in params:
            kind = {"float64": "DOUBLE", "float32": "FLOAT"}[self.kinds[name]]
            made = f"model(TensorProto.{kind}, X[{name!r}].shape{named})"
            lines.append(f"run[{name!r}] = {self.runner(made)}")
            lines.append(f"{self.sums(name, tau)}; T[{name!r}] = 0")
        return lines

    def runner(self, model: str) -> str:
        """What runs a model."""
        return f"ReferenceEvaluator({model})"

    def sums(self, name: str, tau: str) -> str:
        """The first accumulator."""
        return f"H[{name!r}] = np.full_like(X[{name!r}], {tau})"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A run each."""
        lines = []
        for name, gradient in gradients.items():
            if gradient == "None":
                continue
            rate = f"np.array({self.rate}, {self.kinds[name]!r})"
            feeds = (
                f"{{'R': {rate}, 'T': np.array(T[{name!r}]), 'X': X[{name!r}], "
                f"'G': {self.given(gradient)}, 'H': H[{name!r}]}}"
            )
            lines += self.run(name, feeds)
            lines.append(f"T[{name!r}] += 1")
        return lines

    def given(self, gradient: str) -> str:
        """A gradient."""
        return gradient

    def run(self, name: str, feeds: str) -> list[str]:
        """One run."""
        return [f"X[{name!r}], H[{name!r}] = run[{name!r}].run(None, {feeds})"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """H and T."""
        return [f"H[{name!r}] = {array}; T[{name!r}] = {t}"]

    def theta(self, name: str) -> str:
        """X."""
        return f"X[{name!r}]"

    def total(self, name: str) -> str:
        """H."""
        return f"H[{name!r}]"


class Tinygrad(Onnx):
    """The operator in tinygrad's OnnxRunner, with Tensors."""

    head = (
        "import numpy as np",
        "from onnx import TensorProto, helper",
        "from tinygrad import Tensor",
        "from tinygrad.nn.onnx import OnnxRunner",
        *_MODEL,
        "X, H, T, run = {}, {}, {}, {}",
    )

    def param(self, name: str, array: str) -> list[str]:
        """A Tensor."""
        super().param(name, array)
        return [f"X[{name!r}] = Tensor({array})"]

    def runner(self, model: str) -> str:
        """OnnxRunner."""
        return f"OnnxRunner(Tensor({model}.SerializeToString()))"

    def sums(self, name: str, tau: str) -> str:
        """A Tensor."""
        return f"H[{name!r}] = Tensor(np.full_like(X[{name!r}].numpy(), {tau}))"

    def given(self, gradient: str) -> str:
        """A Tensor."""
        return f"Tensor({gradient})"

    def run(self, name: str, feeds: str) -> list[str]:
        """Reading what came out is part of the step."""
        return [
            f"out = run[{name!r}]({feeds})",
            f"X[{name!r}], H[{name!r}] = out['X2'], out['H2']",
            f"print(X[{name!r}].numpy(), H[{name!r}].numpy())",
        ]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """H and T."""
        return [f"H[{name!r}] = Tensor({array}); T[{name!r}] = {t}"]

    def theta(self, name: str) -> str:
        """numpy()."""
        return f"X[{name!r}].numpy()"

    def total(self, name: str) -> str:
        """numpy()."""
        return f"H[{name!r}].numpy()"


class TinygradRealized(Tinygrad):
    """The same, realized at once."""

    def run(self, name: str, feeds: str) -> list[str]:
        """Tensor.realize."""
        return [
            f"out = run[{name!r}]({feeds})",
            f"X[{name!r}], H[{name!r}] = out['X2'], out['H2']",
            f"Tensor.realize(X[{name!r}], H[{name!r}])",
        ]


class MindSpore(Phrases):
    """mindspore.experimental.optim.Adagrad."""

    head = (
        "import os, numpy as np",
        'os.environ["MS_JIT"] = "0"  # not compiled',
        "import mindspore",
        "from mindspore import Parameter, Tensor, nn",
        "from mindspore.experimental import optim",
    )
    made = "optim.Adagrad"
    names: Mapping[str, str] = MappingProxyType({})
    counted = "optimizer.step_t"
    order: Sequence[str] = ()

    def param(self, name: str, array: str) -> list[str]:
        """A Parameter."""
        return [f"{name} = Parameter(Tensor({array}), name={name!r})"]

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """By its own names."""
        self.order = params
        named = f", {_named(options, self.names)}" if options else ""
        return [f"optimizer = {self.made}([{', '.join(params)}]{named})"]

    def groups(
        self, groups: Sequence[tuple[Sequence[str], Options]], options: Options
    ) -> list[str]:
        """A dictionary each."""
        self.order = [name for params, _ in groups for name in params]
        listed = ", ".join(param_group(*group) for group in groups)
        named = f", {_named(options)}" if options else ""
        return [f"optimizer = {self.made}([{listed}]{named})"]

    def add(self, params: Sequence[str], options: Options) -> list[str]:
        """add_param_group."""
        self.order = [*self.order, *params]
        return [f"optimizer.add_param_group({param_group(params, options)})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """One call."""
        given = ", ".join(
            "None" if g == "None" else f"Tensor({g})" for g in gradients.values()
        )
        return [f"optimizer(({given},))"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """set_data."""
        place = list(self.order).index(name)
        counter = f"{self.counted}.set_data(Tensor(np.full({self._shape}, {t}, 'i4')))"
        return [f"optimizer.accum[{place}].set_data(Tensor({array}))", counter]

    _shape = "()"

    def option(self, option: str, value: str) -> list[str]:
        """param_groups."""
        return [f"optimizer.param_groups[0][{option!r}] = {value}"]

    def save(self, name: str) -> list[str]:
        """Without the params."""
        names = f"{list(self.order)!r}"
        kept = f"choice_func=lambda k: k not in {names}"
        return [f"mindspore.save_checkpoint(optimizer, '{name}.ckpt', {kept})"]

    def load(self, name: str, via: str) -> list[str]:
        """Strictly, or accum.p is taken for p."""
        state = f"mindspore.load_checkpoint('{name}.ckpt')"
        return [f"mindspore.load_param_into_net(optimizer, {state}, strict_load=True)"]

    def theta(self, name: str) -> str:
        """asnumpy()."""
        return f"{name}.asnumpy()"

    def total(self, name: str) -> str:
        """accum."""
        return f"optimizer.accum[{list(self.order).index(name)}].asnumpy()"

    def has_total(self, name: str) -> list[str]:
        """Whether the list goes so far."""
        place = list(self.order).index(name)
        words = f'"{name} has no accumulator"'
        return [f"assert len(optimizer.accum) > {place}, {words}"]

    def count(self, name: str) -> str:
        """One for the optimizer."""
        return f"int({self.counted}.asnumpy().item())"


class MindSporeNn(MindSpore):
    """mindspore.nn.Adagrad."""

    made = "nn.Adagrad"
    names = MappingProxyType(
        {"lr": "learning_rate", "initial_accumulator_value": "accum"}
    )
    counted = "optimizer.global_step"
    _shape = "(1,)"

    def groups(
        self, groups: Sequence[tuple[Sequence[str], Options]], options: Options
    ) -> list[str]:
        """None: the options of the only one are the constructor's."""
        return Phrases.groups(self, groups, options)
