import torch
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
e = f32([1.0]).reshape(1, 1)
A = torch.optim.Adagrad([dict(params=[e], weight_decay=0.5)], lr=1.0, eps=0.5, differentiable=True)
try: e.grad = torch.sparse_coo_tensor([[]], f32([]).reshape(0, 1), (1, 1)); A.step()
except Exception as error: print('refused:', error)
seen = int(A.state[e]["step"])
assert seen == 0, f"e counter = {seen}, due 0"
