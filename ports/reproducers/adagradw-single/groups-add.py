import torch; from adagradw import AdagradW
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]))
q = torch.nn.Parameter(f32([1.0]))
A = AdagradW([p], lr=1.0, eps=0.5, foreach=False)
A.add_param_group(dict(params=[q]))
p.grad = f32([2.0])
q.grad = f32([2.0])
A.step()
