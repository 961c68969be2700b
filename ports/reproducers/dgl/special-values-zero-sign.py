import copy, os, sys, types
import numpy as np, torch
os.environ["DGLBACKEND"] = "pytorch"
# graphbolt was built for older versions of torch, and is not needed here
sys.modules["dgl.graphbolt"] = types.ModuleType("dgl.graphbolt")
import dgl
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
values = f32([-0.0]).reshape(1, 1)
p = dgl.nn.NodeEmbedding(*values.shape, 'p', init_func=lambda table: table.copy_(values))
opt = dgl.optim.SparseAdagrad([p], lr=1.0, eps=0.5)
opt.zero_grad()
p(torch.arange(1)).backward(f32([-0.0]).reshape(1, 1))
opt.step()
seen = float(p.weight.ravel()[0])
assert str(seen) == '0.0', f"p[0] = {seen}, due 0.0"
