import torch
from math import inf; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = torch.nn.Parameter(f64([inf]))
A = RowWiseAdagrad([p], lr=0.0, eps=0.0)
