import copy, os, sys, types
import numpy as np, torch
from math import inf, nan
os.environ["DGLBACKEND"] = "pytorch"
# graphbolt was built for older versions of torch, and is not needed here
sys.modules["dgl.graphbolt"] = types.ModuleType("dgl.graphbolt")
import dgl
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
values = f32([]).reshape(0, 1)
p = dgl.nn.NodeEmbedding(*values.shape, 'p', init_func=lambda table: table.copy_(values))
opt = dgl.optim.SparseAdagrad([p], lr=1.0, eps=0.5)
