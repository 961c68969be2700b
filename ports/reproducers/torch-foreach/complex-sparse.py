import torch
c128 = lambda v: torch.tensor(v, dtype=torch.complex128)
z = torch.nn.Parameter(c128([complex(1.0, 1.0)]))
A = torch.optim.Adagrad([z], lr=1.0, eps=0.5, foreach=True)
z.grad = torch.sparse_coo_tensor([[0]], c128([complex(2.0, 2.0)]), (1,)); A.step()
seen = torch.view_as_real(A.state[z]["sum"]).flatten().tolist()[0]
assert seen == 4.0, f"z[0] S = {seen}, due 4.0"
