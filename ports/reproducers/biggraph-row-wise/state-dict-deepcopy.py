import torch; from torchbiggraph.row_adagrad import RowAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]).reshape(1, 1))
r = torch.nn.Parameter(f32([1.0]).reshape(1, 1))
A = RowAdagrad([p], lr=1.0)
A.add_param_group(dict(params=[r]))
r.grad = f32([2.0]).reshape(1, 1); A.step()
