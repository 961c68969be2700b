"""DGL's optimizers of node embeddings, in one process and on its key-value store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

from adagrad_conformance.adapters.base import Gradient, Sparse
from adagrad_conformance.reproducers.torch_literals import tensor_text
from adagrad_reference.scenario import Tensor

from .base import Phrases, Unsaid

__all__ = ["Dgl", "DglDistributed", "DglZeroGrad"]


class Dgl(Phrases):
    """dgl.optim.SparseAdagrad, in the loop of its documentation."""

    head: tuple[str, ...] = (
        "import copy, os, sys, types",
        "import numpy as np, torch",
        "from math import inf, nan",
        'os.environ["DGLBACKEND"] = "pytorch"',
        "# graphbolt was built for older versions of torch, and is not needed here",
        'sys.modules["dgl.graphbolt"] = types.ModuleType("dgl.graphbolt")',
        "import dgl",
        "f32 = lambda v: torch.tensor(v, dtype=torch.float32)",
    )
    made = "dgl.optim.SparseAdagrad"

    def __init__(self) -> None:
        self.owned: set[str] = set()

    def array(self, tensor: Tensor) -> str:
        """A table: a row for each index of the first dimension."""
        first, *others = tensor.shape or (1,)
        return tensor_text(replace(tensor, shape=(first, prod(others))))

    def param(self, name: str, array: str) -> list[str]:
        """An embedding."""
        return [
            f"values = {array}",
            f"{name} = dgl.nn.NodeEmbedding(*values.shape, {name!r}, "
            "init_func=lambda table: table.copy_(values))",
        ]

    def new(self, params: Sequence[str], options: Mapping[str, str]) -> list[str]:
        """Construct."""
        chosen = "".join(f", {name}={value}" for name, value in options.items())
        again = self.owned & {*params}
        self.owned |= {*params}
        return [
            *(
                ["# a second optimizer; what the first has summed up must stay"]
                if again
                else []
            ),
            f"opt = {self.made}([{', '.join(params)}]{chosen})",
        ]

    def gradient(self, gradient: Gradient) -> str:
        """What comes behind the embedding's name: a lookup, and its backward pass."""
        if gradient is None:
            return "None"
        if isinstance(gradient, Sparse):
            rows, values = f"torch.tensor({list(gradient.indices)})", gradient.values
            if not gradient.indices:
                raise Unsaid("no rows")
        else:
            values = gradient
            rows = f"torch.arange({(gradient.shape or (1,))[0]})"
        return f"({rows}).backward({self.array(values)})"

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """Lookups, backward passes, a step."""
        lookups = [f"{p}{text}" for p, text in gradients.items() if text != "None"]
        return [*lookups, "opt.step()"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """That of the embedding."""
        return [f"{name}.optm_state[0].copy_({array})"]

    def save(self, name: str) -> list[str]:
        """state_dict, as it is and copied."""
        return self._saved(name, "opt.state_dict()")

    def _saved(self, name: str, state: str) -> list[str]:
        return [
            f"saved_{name} = {state}",
            f"copied_{name} = copy.deepcopy(saved_{name})",
        ]

    def load(self, name: str, via: str) -> list[str]:
        """load_state_dict."""
        return [f"opt.load_state_dict({self._kept(name, via)})"]

    def _kept(self, name: str, via: str) -> str:
        if via == "new-process":
            raise Unsaid("another process")
        return f"{'saved' if via == 'same-object' else 'copied'}_{name}"

    def theta(self, name: str) -> str:
        """The embedding's weight."""
        return f"{name}.weight"

    def total(self, name: str) -> str:
        """The embedding keeps it."""
        return f"{name}.optm_state[0]"


class DglZeroGrad(Dgl):
    """The same with zero_grad."""

    def step(self, gradients: Mapping[str, str]) -> list[str]:
        """zero_grad drops what was looked up when the step has used it."""
        return ["opt.zero_grad()", *super().step(gradients)]


class DglDistributed(DglZeroGrad):
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
        return [f"{name} = embedding({name!r}, {array})"]

    def state(self, name: str, array: str, t: int) -> list[str]:
        """load_local_state_dict."""
        return [
            "state = opt.local_state_dict()",
            f"{self._place(name, 'state')} = {array}",
            "opt.load_local_state_dict(state)",
        ]

    def _place(self, name: str, state: str) -> str:
        """Of an accumulator, in a state dict."""
        return f"{state}['emb_states'][{name!r}]['states'][{f'node~_N~{name}_sum'!r}]"

    def save(self, name: str) -> list[str]:
        """local_state_dict, as it is and copied."""
        return self._saved(name, "opt.local_state_dict()")

    def load(self, name: str, via: str) -> list[str]:
        """load_local_state_dict."""
        return [f"opt.load_local_state_dict({self._kept(name, via)})"]

    def theta(self, name: str) -> str:
        """Pulled from the store."""
        return f"{name}.weight[torch.arange(len({name}.weight))]"

    def total(self, name: str) -> str:
        """From local_state_dict."""
        return self._place(name, "opt.local_state_dict()")
