import copy, os, sys, types
import numpy as np, torch
from math import inf, nan
os.environ["DGLBACKEND"] = "pytorch"
# graphbolt was built for older versions of torch, and is not needed here
sys.modules["dgl.graphbolt"] = types.ModuleType("dgl.graphbolt")
import dgl
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
values = f32([0.0]).reshape(1, 1)
p = dgl.nn.NodeEmbedding(*values.shape, 'p', init_func=lambda table: table.copy_(values))
opt = dgl.optim.SparseAdagrad([p], lr=1.0, eps=0.5)
p(torch.arange(1)).backward(f32([2.0]).reshape(1, 1))
opt.step()
seen = float(p.weight.ravel()[0])
assert -0.8000000715255737 <= seen <= -0.7999999523162842, f"p[0] = {seen}, due -0.8000000715255737 .. -0.7999999523162842"
