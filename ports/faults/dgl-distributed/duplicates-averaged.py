"""dgl.distributed.optim.SparseAdagrad averages the gradients of a row looked up twice.

Promise: dgl.distributed.optim.SparseAdagrad, docstring: S gains the square of g, and g
    is the gradient of the embedding at that step.
Expected: row 0 is looked up twice, and the loss is the sum of 1 and 3 times its value:
    its gradient is 4.  With lr = 1 and eps = 12, the first step takes
    4 / (sqrt(16) + 12) = 0.25 from the row.
Seen: 2 / (sqrt(4) + 12) = 0.1428571 is taken, by the gradient (1 + 3) / 2.
Install: pip install torch==2.13.0 numpy scipy pandas requests tqdm psutil packaging,
    pip install --no-deps dgl==2.1.0
"""

import os
import sys
import types

os.environ["DGLBACKEND"] = "pytorch"
# graphbolt was built for older versions of torch, and is not needed here
sys.modules["dgl.graphbolt"] = types.ModuleType("dgl.graphbolt")

import numpy
import torch

rows, weights = torch.tensor([0, 0]), torch.tensor([[1.0], [3.0]])
if "--control" in sys.argv[1:]:
    emb = torch.nn.Embedding(1, 1, sparse=True)
    optimizer = torch.optim.Adagrad(emb.parameters(), lr=1.0, eps=12.0)
else:
    import dgl
    from dgl.distributed import graph_partition_book as book

    dgl.distributed.initialize(None)
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    nodes, edge = numpy.array([[0, 1]]), ("_N", "_E", "_N")
    parts = book.RangePartitionBook(
        0, 1, {"_N": nodes}, {edge: 0 * nodes}, {"_N": 0}, {edge: 0}
    )
    policy = book.NodePartitionPolicy(parts)
    emb = dgl.distributed.DistEmbedding(1, 1, "emb", part_policy=policy)
    optimizer = dgl.distributed.optim.SparseAdagrad([emb], lr=1.0, eps=12.0)
before = emb.weight[torch.tensor([0])].item()
(emb(rows) * weights).sum().backward()
optimizer.step()
taken = before - emb.weight[torch.tensor([0])].item()

if abs(taken - 0.25) > 1e-6:
    sys.exit(f"expected 0.25 taken from the row, seen {taken}")
