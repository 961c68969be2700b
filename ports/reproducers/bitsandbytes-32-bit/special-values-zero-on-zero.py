import torch; from bitsandbytes.optim import Adagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = torch.nn.Parameter(f64([1.0]))
A = Adagrad([p], lr=1.0, eps=0.5)
p.grad = f64([0.0]); A.step()
seen = A.state[p]["state1"].dtype
assert seen == p.dtype, f"the accumulator is {seen}"
