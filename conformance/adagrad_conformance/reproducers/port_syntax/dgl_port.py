"""DGL's optimizers of node embeddings, in one process and on its key-value store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from adagrad_conformance.adapters.base import Gradient, Sparse
from adagrad_conformance.reproducers.literals import python_literal as literal
from adagrad_conformance.reproducers.torch_script.tensors import tensor_text
from adagrad_reference.scenario import Tensor

from .base import NotExpressible, Options, PortSyntax, keywords
from .torch_tensors import HELPERS

__all__ = ["Dgl", "DglDistributed"]


class Dgl(PortSyntax):
    """dgl.optim.SparseAdagrad, with zero_grad before each step."""

    head: tuple[str, ...] = (
        "import copy, os, sys, types",
        "import numpy as np, torch",
        'os.environ["DGLBACKEND"] = "pytorch"',
        "# graphbolt was built for older versions of torch, and is not needed here",
        'sys.modules["dgl.graphbolt"] = types.ModuleType("dgl.graphbolt")',
        "import dgl",
    )
    helpers = HELPERS
    taken = frozenset(HELPERS)
    made = "dgl.optim.SparseAdagrad"

    def __init__(self) -> None:
        self.owned: set[str] = set()

    def array(self, tensor: Tensor) -> str:
        """A table: a row for each index of the first dimension."""
        first, *others = tensor.shape or (1,)
        return tensor_text(replace(tensor, shape=(first, prod(others))))

    def param(self, name: str, array: str) -> list[str]:
        """An embedding under its name."""
        return [
            f"values = {array}",
            f"{name} = dgl.nn.NodeEmbedding(*values.shape, {literal(name)}, "
            "init_func=lambda table: table.copy_(values))",
        ]

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """The constructor; an embedding keeps the accumulators of the last one."""
        if self.owned & {*params}:
            raise NotExpressible("a second optimizer of one embedding")
        self.owned |= {*params}
        made = ", ".join([f"[{', '.join(params)}]", *keywords(options)])
        return [f"opt = {self.made}({made})"]

    def gradient(self, gradient: Gradient) -> str:
        """A lookup and its backward pass, as they follow the embedding's name."""
        if gradient is None:
            return "None"
        if isinstance(gradient, Sparse):
            rows = f"torch.tensor({literal([*gradient.indices])})"
            values = gradient.values
            if not gradient.indices:
                raise NotExpressible("no rows")
        else:
            values = gradient
            rows = f"torch.arange({literal((gradient.shape or (1,))[0])})"
        return f"({rows}).backward({self.array(values)})"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """A call of zero_grad, which drops earlier lookups; new ones; step()."""
        lookups = [f"{p}{text}" for p, text in gradients.items() if text != "None"]
        return ["opt.zero_grad()", *lookups, "opt.step()"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """The accumulator of the embedding."""
        return [f"{self.total(name)}.copy_({array})"]

    def save(self, name: str) -> list[str]:
        """The state dict, as it is and copied."""
        return self._saved(name, "opt.state_dict()")

    def _saved(self, name: str, state: str) -> list[str]:
        return [
            f"saved_{name} = {state}",
            f"copied_{name} = copy.deepcopy(saved_{name})",
        ]

    def load(self, name: str, via: str) -> list[str]:
        """A call of load_state_dict."""
        return [f"opt.load_state_dict({self._kept(name, via)})"]

    def _kept(self, name: str, via: str) -> str:
        if via == "new-process":
            raise NotExpressible("another process")
        return f"{'saved' if via == 'same-object' else 'copied'}_{name}"

    def theta(self, name: str) -> str:
        """The weight of the embedding."""
        return f"{name}.weight"

    def total(self, name: str) -> str:
        """The accumulator of the embedding."""
        return f"{name}.optm_state[0]"


class DglDistributed(Dgl):
    """dgl.distributed.optim.SparseAdagrad, of one trainer."""

    head = (
        *Dgl.head,
        "from dgl.distributed.graph_partition_book import (",
        "    NodePartitionPolicy, RangePartitionBook)",
        "dgl.distributed.initialize(None)",
        "torch.distributed.init_process_group(",
        '    "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)',
        "def embedding(name, values):",
        '    edge, nodes = ("_N", "_E", "_N"), np.array([[0, len(values)]])',
        "    book = RangePartitionBook(",
        '        0, 1, {"_N": nodes}, {edge: 0 * nodes}, {"_N": 0}, {edge: 0})',
        "    return dgl.distributed.DistEmbedding(",
        "        *values.shape, name, lambda shape, dtype: values.clone(),",
        "        NodePartitionPolicy(book))",
    )
    made = "dgl.distributed.optim.SparseAdagrad"

    def param(self, name: str, array: str) -> list[str]:
        """An embedding of the nodes of a graph with one part."""
        return [f"{name} = embedding({literal(name)}, {array})"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """A call of load_local_state_dict with another accumulator."""
        return [
            "state = opt.local_state_dict()",
            f"{self._place(name, 'state')} = {array}",
            "opt.load_local_state_dict(state)",
        ]

    def _place(self, name: str, state: str) -> str:
        """The accumulator's place in a state dict."""
        table = literal(f"node~_N~{name}_sum")
        return f"{state}['emb_states'][{literal(name)}]['states'][{table}]"

    def save(self, name: str) -> list[str]:
        """The local state dict, as it is and copied."""
        return self._saved(name, "opt.local_state_dict()")

    def load(self, name: str, via: str) -> list[str]:
        """A call of load_local_state_dict."""
        return [f"opt.load_local_state_dict({self._kept(name, via)})"]

    def theta(self, name: str) -> str:
        """The weight, pulled from the store."""
        return f"{name}.weight[torch.arange(len({name}.weight))]"

    def total(self, name: str) -> str:
        """The accumulator in the local state dict."""
        return self._place(name, "opt.local_state_dict()")
