import torch; from adagradw import AdagradW
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]))
r = torch.nn.Parameter(f32([1.0]))
A = AdagradW([dict(params=[p]), dict(params=[r], weight_decay=0.5)], lr=1.0, eps=0.5, foreach=True)
p.grad = f32([2.0])
r.grad = f32([2.0])
A.step()
seen = r.grad.flatten().tolist()[0]
assert seen == 2.0, f"r[0] gradient = {seen}, due 2.0"
