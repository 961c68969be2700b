import torch
from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
e = f32([1.0])
c = f32([1.0]).reshape(1, 1, 1)
opt = _FunctionalAdagrad([e, c], lr=1.0, eps=0.5)
opt.step([None, torch.sparse_coo_tensor([[]], f32([]).reshape(0, 1, 1), (1, 1, 1))])
