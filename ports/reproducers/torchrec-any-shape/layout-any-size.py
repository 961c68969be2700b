import torch; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32(1.0))
A = RowWiseAdagrad([p], lr=1.0, eps=0.5)
