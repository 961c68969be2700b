import torch; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
c128 = lambda v: torch.tensor(v, dtype=torch.complex128)
z = torch.nn.Parameter(c128([complex(1.0, 1.0)]).reshape(1, 1))
A = RowWiseAdagrad([z], lr=1.0, eps=0.5)
z.grad = c128([complex(2.0, 2.0)]).reshape(1, 1); A.step()
seen = torch.view_as_real(A.state[z]["sum"].expand_as(z)).flatten().tolist()[0]
assert seen == 4.0, f"z[0] S = {seen}, due 4.0"
