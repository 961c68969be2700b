import torch
from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad
f16 = lambda v: torch.tensor(v, dtype=torch.float16)
p = f16([1.0])
opt = _FunctionalAdagrad([p])
opt.step([f16([0.0])])
seen = float(p.detach().ravel()[0])
assert -65504.0 <= seen <= 65504.0, f"p[0] = {seen}, due -65504.0 .. 65504.0"
