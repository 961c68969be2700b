"""dgl.distributed.optim.SparseAdagrad keeps sqrt(S) + eps in the place of S.

Promise: dgl.distributed.optim.SparseAdagrad, docstring: S gains the square of the
    gradient at each step.
Expected: from S = 0, with eps = 0.5 and the gradient 2, S becomes 4.
Seen: 2.5.  On the CPU the tensor that is stored is the one of which the root is taken in
    place, for a copy to the same device is none.
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

rows = torch.tensor([0])
if "--control" in sys.argv[1:]:
    emb = torch.nn.Embedding(1, 1, sparse=True)
    optimizer = torch.optim.Adagrad(emb.parameters(), lr=1.0, eps=0.5)
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
    optimizer = dgl.distributed.optim.SparseAdagrad([emb], lr=1.0, eps=0.5)
(2 * emb(rows)).sum().backward()
optimizer.step()

if "--control" in sys.argv[1:]:
    total = optimizer.state[emb.weight]["sum"].tolist()
else:
    (kept,) = optimizer.local_state_dict()["emb_states"]["emb"]["states"].values()
    total = kept.tolist()
if total != [[4.0]]:
    sys.exit(f"expected S = [[4.0]], seen {total}")
