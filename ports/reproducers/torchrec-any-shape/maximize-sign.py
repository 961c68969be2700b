import torch; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = torch.nn.Parameter(f64([1.0]))
A = RowWiseAdagrad([p], maximize=True, lr=1.0, eps=0.5)
