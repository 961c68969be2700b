import torch; from adagradw import AdagradW
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
q = torch.nn.Parameter(f32([1.0]))
A = AdagradW([dict(params=[q], weight_decay=0.5)], lr=1.0, eps=0.5, foreach=True)
q.grad = f32([2.0]); A.step()
seen = q.grad.flatten().tolist()[0]
assert seen == 2.0, f"q[0] gradient = {seen}, due 2.0"
