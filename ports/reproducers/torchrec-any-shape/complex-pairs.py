import torch; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
c128 = lambda v: torch.tensor(v, dtype=torch.complex128)
z = torch.nn.Parameter(c128(complex(1.0, 1.0)))
A = RowWiseAdagrad([z], lr=1.0, eps=0.5)
