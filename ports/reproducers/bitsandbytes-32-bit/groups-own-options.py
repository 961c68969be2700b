import torch; from bitsandbytes.optim import Adagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
a = torch.nn.Parameter(f64([1.0]))
A = Adagrad([dict(params=[a], lr=1.0)], lr=1.0, eps=0.5)
a.grad = f64([2.0]); A.step()
seen = A.state[a]["state1"].dtype
assert seen == a.dtype, f"the accumulator is {seen}"
