"""dgl.optim.SparseAdagrad averages the gradients of a row that is looked up twice.

Promise: "dgl.optim", SparseAdagrad, DGL documentation: S gains the square of g, and g is
    the gradient of the embedding at that step.
Expected: row 0 is looked up twice, and the loss is the sum of 1 and 3 times its value:
    its gradient is 4.  S becomes 16.
Seen: S = 4, the square of (1 + 3) / 2.
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

rows, weights = torch.tensor([0, 0]), torch.tensor([[1.0], [3.0]])
if "--control" in sys.argv[1:]:
    emb = torch.nn.Embedding(1, 1, sparse=True)
    torch.nn.init.ones_(emb.weight)
    optimizer = torch.optim.Adagrad(emb.parameters(), lr=1.0)
else:
    import dgl

    name = f"fault-{os.getpid()}"
    emb = dgl.nn.NodeEmbedding(1, 1, name, init_func=lambda table: table.fill_(1.0))
    optimizer = dgl.optim.SparseAdagrad([emb], lr=1.0)
(emb(rows) * weights).sum().backward()
optimizer.step()

if "--control" in sys.argv[1:]:
    total = optimizer.state[emb.weight]["sum"].tolist()
else:
    total = emb.optm_state[0].tolist()
if total != [[16.0]]:
    sys.exit(f"expected S = [[16.0]], seen {total}")
