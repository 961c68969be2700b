"""Torch's optimizer on two ranks; a script starts itself again under torchrun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adagrad_conformance.reproducers.literals import python_literal as literal
from adagrad_conformance.reproducers.torch_script.tensors import tensor_text
from adagrad_reference.scenario import Tensor

from .base import NotExpressible, Options, keywords, param_group
from .torch_tensors import Tensors

__all__ = ["DTensors", "Zero"]


class _Ranks(Tensors):
    """Both ranks run the same lines on the same numbers."""

    head: tuple[str, ...] = (
        "import os, sys, torch, torch.distributed as dist",
        'if "RANK" not in os.environ:',
        '    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]',
        "    os.execv(sys.executable, [sys.executable, *run])",
        'dist.init_process_group("gloo")',
    )

    def made(self, listed: str, options: Options) -> list[str]:
        """The constructor over params or groups."""
        raise NotImplementedError

    def param(self, name: str, array: str) -> list[str]:
        """A Parameter."""
        self.note(name, array)
        return [f"{name} = torch.nn.Parameter({array})"]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor over params."""
        return self.made(", ".join(params), options)

    def groups(
        self, groups: Sequence[tuple[Sequence[str], Options]], options: Options
    ) -> list[str]:
        """The constructor over a dictionary for each group."""
        return self.made(", ".join(param_group(*group) for group in groups), options)

    def add(self, params: Sequence[str], options: Options) -> list[str]:
        """A call of add_param_group."""
        return [f"opt.add_param_group({param_group(params, options)})"]

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """The gradients are set, the same on both ranks, then step() is called."""
        return [*(f"{p}.grad = {g}" for p, g in gradients.items()), "opt.step()"]

    def option(self, option: str, value: str) -> list[str]:
        """An entry of the only group."""
        return [f"opt.param_groups[0][{literal(option)}] = {value}"]


class Zero(_Ranks):
    """ZeroRedundancyOptimizer."""

    head = (
        *_Ranks.head,
        "from torch.distributed.optim import ZeroRedundancyOptimizer",
    )

    def made(self, listed: str, options: Options) -> list[str]:
        """The constructor, which makes torch.optim.Adagrad on each rank."""
        given = [f"[{listed}]", "torch.optim.Adagrad", *keywords(options)]
        return [f"opt = ZeroRedundancyOptimizer({', '.join(given)})"]

    def save(self, name: str) -> list[str]:
        """The whole state dict, on rank 0."""
        return [
            "opt.consolidate_state_dict(to=0)",
            f"saved_{name} = opt.state_dict() if dist.get_rank() == 0 else None",
        ]

    def load(self, name: str, via: str) -> list[str]:
        """A broadcast from rank 0 of the same dict, or of a copy for each load."""
        if via == "new-process":
            raise NotExpressible("another process")
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

    def array(self, tensor: Tensor) -> str:
        """A tensor whose rows are shared out."""
        return f"spread({tensor_text(tensor)})"

    def made(self, listed: str, options: Options) -> list[str]:
        """The constructor."""
        given = ", ".join([f"[{listed}]", *keywords(options)])
        return [f"opt = torch.optim.Adagrad({given})"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The param's state."""
        count = f"torch.tensor({literal(t)}.0)"
        return [f"opt.state[{name}].update(sum={array}, step={count})"]

    def theta(self, name: str) -> str:
        """The whole param."""
        return self.shown(name, f"{name}.detach().full_tensor()")

    def total(self, name: str) -> str:
        """The whole accumulator."""
        return self.shown(name, f'opt.state[{name}]["sum"].full_tensor()')

    def count(self, name: str) -> str:
        """The counter in the param's state."""
        return f'int(opt.state[{name}]["step"])'
