"""dgl.optim.SparseAdagrad adds eps to the accumulator, not to the denominator.

Promise: "dgl.optim", SparseAdagrad, DGL documentation: eps is the term that is added to
    the denominator; S is the sum of the squares of the gradients.
Expected: from 1, with lr = 1, eps = 3 and the gradient 1, S is 1 and the denominator
    sqrt(1) + 3 = 4: the row becomes 1 - 1 / 4 = 0.75.
Seen: 0.5, since the denominator is sqrt(1 + 3) = 2.
Install: pip install torch==2.13.0 numpy scipy pandas requests tqdm psutil packaging,
    pip install --no-deps dgl==2.1.0
"""

import os
import sys
import types

os.environ["DGLBACKEND"] = "pytorch"
# graphbolt was built for older versions of torch, and is not needed here
sys.modules["dgl.graphbolt"] = types.ModuleType("dgl.graphbolt")

import torch

rows = torch.tensor([0])
if "--control" in sys.argv[1:]:
    emb = torch.nn.Embedding(1, 1, sparse=True)
    torch.nn.init.ones_(emb.weight)
    optimizer = torch.optim.Adagrad(emb.parameters(), lr=1.0, eps=3.0)
else:
    import dgl

    name = f"fault-{os.getpid()}"
    emb = dgl.nn.NodeEmbedding(1, 1, name, init_func=lambda table: table.fill_(1.0))
    optimizer = dgl.optim.SparseAdagrad([emb], lr=1.0, eps=3.0)
emb(rows).sum().backward()
optimizer.step()

if emb.weight.tolist() != [[0.75]]:
    sys.exit(f"expected the row [[0.75]], seen {emb.weight.tolist()}")
