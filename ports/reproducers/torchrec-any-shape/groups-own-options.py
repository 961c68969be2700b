import torch; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
a = torch.nn.Parameter(f32([1.0]))
A = RowWiseAdagrad([dict(params=[a], lr=1.0)], lr=1.0, eps=0.5)
