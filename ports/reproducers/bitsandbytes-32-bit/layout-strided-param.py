import torch; from bitsandbytes.optim import Adagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p_storage = f64([1.0])
p = torch.nn.Parameter(p_storage.as_strided((1,), (2,), 0))
A = Adagrad([p], lr=1.0, eps=0.5)
p.grad = f64([2.0]); A.step()
seen = A.state[p]["state1"].dtype
assert seen == p.dtype, f"the accumulator is {seen}"
