import torch; from adagradw import AdagradW
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = torch.nn.Parameter(f64([1.0]))
A = AdagradW([p], weight_decay=0.5, foreach=True)
p.grad = f64([2.0]); A.step()
seen = p.grad.flatten().tolist()[0]
assert seen == 2.0, f"p[0] gradient = {seen}, due 2.0"
