import torch; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]).reshape(1, 1))
q = torch.nn.Parameter(f32([1.0]).reshape(1, 1))
A = RowWiseAdagrad([p], lr=1.0, eps=0.5)
A.add_param_group(dict(params=[q]))
p.grad = f32([2.0]).reshape(1, 1)
q.grad = f32([2.0]).reshape(1, 1)
A.step()
