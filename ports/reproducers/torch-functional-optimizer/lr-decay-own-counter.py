import torch
from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
q = f32([1.0])
opt = _FunctionalAdagrad([q], lr=1.0, eps=0.5)
opt.step([None])
