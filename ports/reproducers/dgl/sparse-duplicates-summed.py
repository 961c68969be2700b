import copy, os, sys, types
import numpy as np, torch
from math import inf, nan
os.environ["DGLBACKEND"] = "pytorch"
# graphbolt was built for older versions of torch, and is not needed here
sys.modules["dgl.graphbolt"] = types.ModuleType("dgl.graphbolt")
import dgl
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
values = f32([1.0]).reshape(1, 1)
v = dgl.nn.NodeEmbedding(*values.shape, 'v', init_func=lambda table: table.copy_(values))
opt = dgl.optim.SparseAdagrad([v], lr=1.0, eps=0.5)
v(torch.tensor([0, 0])).backward(f32([2.0, 2.0]).reshape(2, 1))
opt.step()
seen = float(v.optm_state[0].ravel()[0])
assert seen == 16.0, f"v[0] S = {seen}, due 16.0"
