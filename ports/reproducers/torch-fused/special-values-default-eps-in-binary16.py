# In binary16 the default eps should not make NaN of a zero gradient.
# Port: torch/fused 2.13.0+cpu
# Formula: clr = lr / (1 + (t - 1) * lr_decay), p - clr * g / (sqrt(sum) + eps)
# Expected: a finite number; seen: nan
import torch
f16 = lambda v: torch.tensor(v, dtype=torch.float16)
p = torch.nn.Parameter(f16([1.0, -1.0] * 8))
A = torch.optim.Adagrad([p], fused=True)
p.grad = f16([0.0] * 16); A.step()
seen = p.flatten().tolist()[0]
assert -65504.0 <= seen <= 65504.0, f"p[0] = {seen}, due -65504.0 .. 65504.0"
