import torch
f16 = lambda v: torch.tensor(v, dtype=torch.float16)
p = f16([1.0])
A = torch.optim.Adagrad([p], differentiable=True)
p.grad = f16([0.0]); A.step()
seen = p.flatten().tolist()[0]
assert -65504.0 <= seen <= 65504.0, f"p[0] = {seen}, due -65504.0 .. 65504.0"
