import torch; from adagradw import AdagradW
c64 = lambda v: torch.tensor(v, dtype=torch.complex64)
z = torch.nn.Parameter(c64([complex(1.0, 1.0)]))
A = AdagradW([z], lr=1.0, eps=0.5, weight_decay=0.5, foreach=True)
z.grad = c64([complex(2.0, 2.0)]); A.step()
seen = torch.view_as_real(z.grad).flatten().tolist()[0]
assert seen == 2.0, f"z[0] gradient = {seen}, due 2.0"
