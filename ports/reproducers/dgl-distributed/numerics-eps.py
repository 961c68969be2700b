import copy, os, sys, types
import numpy as np, torch
from math import inf, nan
os.environ["DGLBACKEND"] = "pytorch"
# graphbolt was built for older versions of torch, and is not needed here
sys.modules["dgl.graphbolt"] = types.ModuleType("dgl.graphbolt")
import dgl
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
from dgl.distributed.graph_partition_book import (
    NodePartitionPolicy, RangePartitionBook)
dgl.distributed.initialize(None)
torch.distributed.init_process_group(
    "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
def embedding(name, values):
    edge, nodes = ("_N", "_E", "_N"), np.array([[0, len(values)]])
    book = RangePartitionBook(
        0, 1, {"_N": nodes}, {edge: 0 * nodes}, {"_N": 0}, {edge: 0})
    return dgl.distributed.DistEmbedding(
        *values.shape, name, lambda shape, dtype: values.clone(),
        NodePartitionPolicy(book))
p = embedding('p', f32([0.0]).reshape(1, 1))
opt = dgl.distributed.optim.SparseAdagrad([p], lr=1.0, eps=0.5)
opt.zero_grad()
p(torch.arange(1)).backward(f32([2.0]).reshape(1, 1))
opt.step()
seen = float(opt.local_state_dict()['emb_states']['p']['states']['node~_N~p_sum'].ravel()[0])
assert seen == 4.0, f"p[0] S = {seen}, due 4.0"
