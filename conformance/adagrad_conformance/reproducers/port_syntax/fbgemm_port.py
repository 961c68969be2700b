"""FBGEMM's embedding tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .base import NotExpressible, Options, keywords
from .torch_tensors import Tensors

__all__ = ["FbgemmExact", "FbgemmRowWise"]


class FbgemmExact(Tensors):
    """EXACT_ADAGRAD over one param, as a table whose width is a multiple of 4."""

    head = (
        "import torch",
        "from fbgemm_gpu.split_table_batched_embeddings_ops_training import (",
        "    ComputeDevice, EmbeddingLocation, OptimType, WeightDecayMode,",
        "    SplitTableBatchedEmbeddingBagsCodegen as Tables)",
    )
    taken = Tensors.taken | {"w"}
    optimizer = "EXACT_ADAGRAD"
    #: A function that makes a table of a tensor.
    table = (
        "table = lambda t: torch.nn.functional.pad("
        "t.reshape(len(t), -1), (0, -t[0].numel() % 4))"
    )

    def new(self, params: Sequence[str], options: Options) -> list[str]:
        """One table, with the rows of the param."""
        if len(params) != 1:
            raise NotExpressible("several tables")
        [name] = params
        chosen = keywords(options, {"lr": "learning_rate"})
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
            raise NotExpressible("no gradient, or rows")
        return [
            "seen = tables(torch.arange(len(w)), torch.arange(len(w) + 1))",
            f"seen.backward(table({gradient}))",
        ]

    def theta(self, name: str) -> str:
        """The table without the padding."""
        size = f"{name}[0].numel()"
        return f"tables.split_embedding_weights()[0][:, :{size}]"

    def total(self, name: str) -> str:
        """The accumulators without the padding."""
        size = f"{name}[0].numel()"
        return f"tables.split_optimizer_states()[0][0].view(len(w), -1)[:, :{size}]"


class FbgemmRowWise(FbgemmExact):
    """EXACT_ROWWISE_ADAGRAD: each element in four columns, which share their mean."""

    optimizer = "EXACT_ROWWISE_ADAGRAD"
    table = "table = lambda t: t.reshape(len(t), -1).repeat_interleave(4, dim=1)"

    def theta(self, name: str) -> str:
        """The first of each four columns."""
        return "tables.split_embedding_weights()[0][:, ::4]"

    def total(self, name: str) -> str:
        """The accumulator of each row, for each element of the param."""
        sums = "tables.split_optimizer_states()[0][0].view(len(w), 1)"
        return f"{sums}.expand(len(w), {name}[0].numel())"
