import torch; from bitsandbytes.optim import Adagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = torch.nn.Parameter(f64([1.0]))
q = torch.nn.Parameter(f64([1.0]))
A = Adagrad([p, q], lr=1.0, eps=0.5)
q.grad = f64([2.0]); A.step()
seen = A.state[q]["state1"].dtype
assert seen == q.dtype, f"the accumulator is {seen}"
