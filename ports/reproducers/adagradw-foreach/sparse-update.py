import torch; from adagradw import AdagradW
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
e = torch.nn.Parameter(f32([1.0]))
d = torch.nn.Parameter(f32([1.0]))
A = AdagradW([dict(params=[e]), dict(params=[d], weight_decay=0.5)], lr=1.0, eps=0.5, foreach=True)
e.grad = torch.sparse_coo_tensor([[]], f32([]), (1,))
d.grad = f32([2.0])
A.step()
seen = d.grad.flatten().tolist()[0]
assert seen == 2.0, f"d[0] gradient = {seen}, due 2.0"
