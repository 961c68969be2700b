import torch
from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = f32([1.0])
opt = _FunctionalAdagrad([p], lr=1.0, eps=0.5)
opt.step([f32([3.000000104103097e+19])])
seen = float(p.detach().ravel()[0])
assert seen != 1.0, f"p[0] = {seen}, due another number"
