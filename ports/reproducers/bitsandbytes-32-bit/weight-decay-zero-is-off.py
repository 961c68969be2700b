import torch
from math import inf; from bitsandbytes.optim import Adagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = torch.nn.Parameter(f64([inf]))
A = Adagrad([p], weight_decay=0.0, lr=1.0, eps=0.5)
p.grad = f64([2.0]); A.step()
seen = A.state[p]["state1"].dtype
assert seen == p.dtype, f"the accumulator is {seen}"
