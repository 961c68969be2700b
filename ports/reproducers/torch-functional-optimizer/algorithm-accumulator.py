import torch
from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
r = f32([1.0])
opt = _FunctionalAdagrad([r], lr=1.0, eps=0.5)
opt.step([None])
