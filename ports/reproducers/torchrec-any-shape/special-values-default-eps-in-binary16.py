import torch; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f16 = lambda v: torch.tensor(v, dtype=torch.float16)
p = torch.nn.Parameter(f16([1.0]))
A = RowWiseAdagrad([p])
