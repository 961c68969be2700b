import torch
from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = f64([1.0])
opt = _FunctionalAdagrad([p], lr=1.0, eps=0.5)
opt.state[p].update(sum=f64([2.0]), step=torch.tensor(16777216.0))
opt.step([f64([2.0])])
seen = int(opt.state[p]["step"])
assert seen == 16777217, f"p counter = {seen}, due 16777217"
