import torch; from adagradw import AdagradW
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]))
A = AdagradW([p], lr=1.0, weight_decay=0.5, eps=0.5, foreach=True)
p.grad = f32([2.0]); A.step()
seen = p.grad.flatten().tolist()[0]
assert seen == 2.0, f"p[0] gradient = {seen}, due 2.0"
