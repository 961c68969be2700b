"""Ports beside torch that are no torch optimizers: functions, and a table module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.adapters.base import Sparse
from adagrad_conformance.reproducers.torch_literals import (
    MAKERS,
    gradient_text,
    tensor_text,
)
from adagrad_reference.scenario import Tensor

from .base import Options, Phrases, Unsaid, param_group

__all__ = ["DTensors", "FbgemmExact", "FbgemmRowWise", "Function", "Functional", "Zero"]

_MAKERS = tuple(
    f"{maker} = lambda v: torch.tensor(v, dtype=torch.{dtype})"
    for maker, dtype in MAKERS.values()
)


class _Tensors(Phrases):
    """Params and gradients are tensors; complex ones are shown as pairs."""

    def __init__(self) -> None:
        self.complex: set[str] = set()

    def param(self, name: str, array: str) -> list[str]:
        """A plain tensor."""
        if array.startswith(("c128", "c64")):
            self.complex.add(name)
        return super().param(name, array)

    def shown(self, name: str, text: str) -> str:
        """Something of a param, as real numbers."""
        return f"torch.view_as_real({text})" if name in self.complex else text

    def array(self, tensor: Tensor) -> str:
        """A tensor as text."""
        return tensor_text(tensor)

    def sparse(self, gradient: Sparse) -> str:
        """A COO tensor."""
        return gradient_text(gradient)

    def theta(self, name: str) -> str:
        """A tensor."""
        return self.shown(name, f"{name}.detach()")


class Function(_Tensors):
    """torch.optim.adagrad.adagrad."""

    head = ("import torch", "from torch.optim.adagrad import adagrad", *_MAKERS)

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """Accumulators, counters and options are the caller's."""
        chosen = {"lr_decay": "0.0", "weight_decay": "0.0", "maximize": "False"}
        chosen |= options
        tau = chosen.pop("initial_accumulator_value", "0.0")
        listed = ", ".join(f"{name}={value}" for name, value in chosen.items())
        return [
            f"options = dict({listed})",
            f"sums = {{{', '.join(self._sum(p, tau) for p in params)}}}",
            f"counts = {{{', '.join(f'{p!r}: torch.tensor(0.0)' for p in params)}}}",
        ]

    def _sum(self, name: str, tau: str) -> str:
        start = f"complex({tau}, {tau})" if name in self.complex else tau
        return f"{name!r}: torch.full_like({name}, {start})"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call."""
        given = {name: text for name, text in gradients.items() if text != "None"}
        sparse = "True" if any("sparse" in text for text in given.values()) else "False"
        columns = (
            ", ".join(given),
            ", ".join(given.values()),
            ", ".join(f"sums[{name!r}]" for name in given),
            ", ".join(f"counts[{name!r}]" for name in given),
        )
        lists = ", ".join(f"[{column}]" for column in columns)
        return [f"adagrad({lists}, has_sparse_grad={sparse}, **options)"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The caller's."""
        return [f"sums[{name!r}], counts[{name!r}] = {array}, torch.tensor({t}.0)"]

    def option(self, option: str, value: str) -> list[str]:
        """The caller's."""
        return [f"options[{option!r}] = {value}"]

    def total(self, name: str) -> str:
        """The caller's."""
        return self.shown(name, f"sums[{name!r}]")

    def count(self, name: str) -> str:
        """The caller's."""
        return f"int(counts[{name!r}])"


class Functional(_Tensors):
    """torch.distributed.optim.functional_adagrad._FunctionalAdagrad."""

    head = (
        "import torch",
        "from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad",
        *_MAKERS,
    )

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """Construct."""
        chosen = "".join(f", {name}={value}" for name, value in options.items())
        return [f"opt = _FunctionalAdagrad([{', '.join(params)}]{chosen})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """step(gradients)."""
        return [f"opt.step([{', '.join(gradients.values())}])"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """By param."""
        return [f"opt.state[{name}].update(sum={array}, step=torch.tensor({t}.0))"]

    def total(self, name: str) -> str:
        """By param."""
        return self.shown(name, f'opt.state[{name}]["sum"]')

    def count(self, name: str) -> str:
        """By param."""
        return f'int(opt.state[{name}]["step"])'


class _Ranks(_Tensors):
    """An optimizer on two ranks; the script starts itself again under torchrun."""

    head = (
        "import os, sys, torch, torch.distributed as dist",
        'if "RANK" not in os.environ:',
        '    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]',
        "    os.execv(sys.executable, [sys.executable, *run])",
        'dist.init_process_group("gloo")',
        *_MAKERS,
    )

    def made(self, listed: str, options: Options) -> list[str]:
        """Construct, over params or groups."""
        raise NotImplementedError

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """Over params."""
        return self.made(", ".join(params), options)

    def groups(
        self, groups: Sequence[tuple[Sequence[str], Options]], options: Options
    ) -> list[str]:
        """A dictionary each."""
        return self.made(", ".join(param_group(*group) for group in groups), options)

    def add(self, params: Sequence[str], options: Options) -> list[str]:
        """add_param_group."""
        return [f"opt.add_param_group({param_group(params, options)})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """step(), the same gradients on both."""
        return [*(f"{p}.grad = {g}" for p, g in gradients.items()), "opt.step()"]

    def option(self, option: str, value: str) -> list[str]:
        """Of the only group."""
        return [f"opt.param_groups[0][{option!r}] = {value}"]


class Zero(_Ranks):
    """ZeroRedundancyOptimizer."""

    head = (
        *_Ranks.head,
        "from torch.distributed.optim import ZeroRedundancyOptimizer",
    )

    def param(self, name: str, array: str) -> list[str]:
        """A Parameter."""
        super().param(name, array.removeprefix("spread("))
        return [f"{name} = torch.nn.Parameter({array})"]

    def made(self, listed: str, options: Options) -> list[str]:
        """Construct."""
        chosen = "".join(f", {name}={value}" for name, value in options.items())
        given = f"[{listed}], torch.optim.Adagrad{chosen}"
        return [f"opt = ZeroRedundancyOptimizer({given})"]

    def save(self, name: str) -> list[str]:
        """Rank 0 has the whole."""
        return [
            "opt.consolidate_state_dict(to=0)",
            f"saved_{name} = opt.state_dict() if dist.get_rank() == 0 else None",
        ]

    def load(self, name: str, via: str) -> list[str]:
        """Rank 0 hands on the same dict, or another copy for each load."""
        if via == "new-process":
            raise Unsaid("another process")
        same = via == "same-object"
        given = f"saved_{name}" if same else f"copy.deepcopy(saved_{name})"
        return [
            *(() if same else ("import copy",)),
            f"given = [{given}]",
            "dist.broadcast_object_list(given)",
            "opt.load_state_dict(given[0])",
        ]


class DTensors(_Ranks):
    """torch.optim.Adagrad over DTensors."""

    head = (
        *_Ranks.head,
        "from torch.distributed.tensor import Replicate, Shard, distribute_tensor",
        'mesh = dist.device_mesh.init_device_mesh("cpu", (2,))',
        "spread = lambda t: distribute_tensor("
        "t, mesh, [Shard(0) if t.dim() else Replicate()])",
    )

    def param(self, name: str, array: str) -> list[str]:
        """A Parameter."""
        super().param(name, array.removeprefix("spread("))
        return [f"{name} = torch.nn.Parameter({array})"]

    def array(self, tensor: Tensor) -> str:
        """Rows shared out."""
        return f"spread({tensor_text(tensor)})"

    def made(self, listed: str, options: Options) -> list[str]:
        """Construct."""
        chosen = "".join(f", {name}={value}" for name, value in options.items())
        return [f"opt = torch.optim.Adagrad([{listed}]{chosen})"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """By param."""
        return [f"opt.state[{name}].update(sum={array}, step=torch.tensor({t}.0))"]

    def theta(self, name: str) -> str:
        """The whole."""
        return self.shown(name, f"{name}.detach().full_tensor()")

    def total(self, name: str) -> str:
        """The whole."""
        return self.shown(name, f'opt.state[{name}]["sum"].full_tensor()')

    def count(self, name: str) -> str:
        """By param."""
        return f'int(opt.state[{name}]["step"])'


class FbgemmExact(_Tensors):
    """EXACT_ADAGRAD: params as tables four wide."""

    head = (
        "import torch",
        "from fbgemm_gpu.split_table_batched_embeddings_ops_training import (",
        "    ComputeDevice, EmbeddingLocation, OptimType, WeightDecayMode,",
        "    SplitTableBatchedEmbeddingBagsCodegen as Tables)",
        "f32 = lambda v: torch.tensor(v, dtype=torch.float32)",
    )
    optimizer = "EXACT_ADAGRAD"
    #: A tensor as a table, whose width is a multiple of 4.
    table = (
        "table = lambda t: torch.nn.functional.pad("
        "t.reshape(len(t), -1), (0, -t[0].numel() % 4))"
    )

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """One table, with its rows."""
        if len(params) != 1:
            raise Unsaid("several tables")
        [name] = params
        renamed = {"lr": "learning_rate"}
        chosen = [f"{renamed.get(o, o)}={value}" for o, value in options.items()]
        if "weight_decay" in options:
            chosen.append("weight_decay_mode=WeightDecayMode.L2")
        spec = "[(*w.shape, EmbeddingLocation.HOST, ComputeDevice.CPU)]"
        return [
            self.table,
            f"w = table({name})",
            f"tables = Tables({spec}, optimizer=OptimType.{self.optimizer},",
            f"    stochastic_rounding=False, {', '.join(chosen)})",
            "tables.split_embedding_weights()[0].copy_(w)",
        ]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A lookup of all rows, one in each bag, and its backward pass."""
        [gradient] = gradients.values()
        if gradient == "None" or "sparse" in gradient:
            raise Unsaid("no gradient, or rows")
        return [
            "seen = tables(torch.arange(len(w)), torch.arange(len(w) + 1))",
            f"seen.backward(table({gradient}))",
        ]

    def theta(self, name: str) -> str:
        """Without the further columns."""
        size = f"{name}[0].numel()"
        return f"tables.split_embedding_weights()[0][:, :{size}]"

    def total(self, name: str) -> str:
        """The same."""
        size = f"{name}[0].numel()"
        return f"tables.split_optimizer_states()[0][0].view(len(w), -1)[:, :{size}]"


class FbgemmRowWise(FbgemmExact):
    """EXACT_ROWWISE_ADAGRAD: each element in four columns, which share their mean."""

    optimizer = "EXACT_ROWWISE_ADAGRAD"
    table = "table = lambda t: t.reshape(len(t), -1).repeat_interleave(4, dim=1)"

    def theta(self, name: str) -> str:
        """Without the copies."""
        return "tables.split_embedding_weights()[0][:, ::4]"

    def total(self, name: str) -> str:
        """A number a row."""
        sums = "tables.split_optimizer_states()[0][0].view(len(w), 1)"
        return f"{sums}.expand(len(w), {name}[0].numel())"
