import torch; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = torch.nn.Parameter(f64([1.0]).reshape(1, 1))
A = RowWiseAdagrad([p], lr=1.0, eps=0.5)
A.state[p].update(sum=f64([2.0]).reshape(1, 1)[:, :1], step=torch.tensor(16777216.0))
p.grad = f64([2.0]).reshape(1, 1); A.step()
seen = int(A.state[p]["step"])
assert seen == 16777217, f"p counter = {seen}, due 16777217"
