import torch
from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = f64([1.0])
q = f64([1.0, 1.0])
opt = _FunctionalAdagrad([p, q], lr=1.0, eps=0.5)
opt.step([None, f64([2.0, 2.0])])
