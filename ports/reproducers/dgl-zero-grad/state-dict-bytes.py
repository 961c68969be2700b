import copy, os, sys, types
import numpy as np, torch
from math import inf, nan
os.environ["DGLBACKEND"] = "pytorch"
# graphbolt was built for older versions of torch, and is not needed here
sys.modules["dgl.graphbolt"] = types.ModuleType("dgl.graphbolt")
import dgl
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
values = f32([1.0]).reshape(1, 1)
p0 = dgl.nn.NodeEmbedding(*values.shape, 'p0', init_func=lambda table: table.copy_(values))
opt = dgl.optim.SparseAdagrad([p0], lr=1.0, eps=0.5)
opt.zero_grad()
p0(torch.arange(1)).backward(f32([2.0]).reshape(1, 1))
opt.step()
saved_checkpoint = opt.state_dict()
copied_checkpoint = copy.deepcopy(saved_checkpoint)
# a second optimizer; what the first has summed up must stay
opt = dgl.optim.SparseAdagrad([p0], lr=1.0, eps=0.5)
seen = float(p0.optm_state[0].ravel()[0])
assert seen == 4.0, f"p0[0] S = {seen}, due 4.0"
