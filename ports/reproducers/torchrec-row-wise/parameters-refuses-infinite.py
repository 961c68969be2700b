import torch
from math import inf; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]).reshape(1, 1))
try: A = RowWiseAdagrad([p], lr=inf)
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though lr=inf is not finite')
