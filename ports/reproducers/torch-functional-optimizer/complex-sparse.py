import torch
from torch.distributed.optim.functional_adagrad import _FunctionalAdagrad
c128 = lambda v: torch.tensor(v, dtype=torch.complex128)
z = c128([complex(1.0, 1.0)])
opt = _FunctionalAdagrad([z], lr=1.0, eps=0.5, initial_accumulator_value=0.5)
seen = float(torch.view_as_real(opt.state[z]["sum"]).ravel()[1])
assert seen == 0.5, f"z[1] S = {seen}, due 0.5"
