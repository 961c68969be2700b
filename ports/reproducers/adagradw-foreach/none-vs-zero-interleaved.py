import torch; from adagradw import AdagradW
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p1 = torch.nn.Parameter(f32([1.0]))
p18 = torch.nn.Parameter(f32([1.0]))
A = AdagradW([dict(params=[p18, p1], weight_decay=0.5)], lr=1.0, eps=0.5, foreach=True)
p1.grad = f32([2.0]); A.step()
seen = p1.grad.flatten().tolist()[0]
assert seen == 2.0, f"p1[0] gradient = {seen}, due 2.0"
