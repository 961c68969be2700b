import torch; from adagradw import AdagradW
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]))
r = torch.nn.Parameter(f32([1.0]))
A = AdagradW([p], foreach=False)
A.add_param_group(dict(params=[r]))
p.grad = f32([2.0])
r.grad = f32([2.0])
A.step()
