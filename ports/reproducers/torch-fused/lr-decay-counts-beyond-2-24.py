# t goes on counting past 2^24.
# Port: torch/fused 2.13.0+cpu
# Expected: 16777217; seen: 16777216
import torch
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = torch.nn.Parameter(f64([1.0]))
A = torch.optim.Adagrad([p], lr=1.0, eps=0.5, fused=True)
A.state[p].update(sum=f64([2.0]), step=torch.tensor(16777216.0))
p.grad = f64([2.0]); A.step()
seen = int(A.state[p]["step"])
assert seen == 16777217, f"p counter = {seen}, due 16777217"
