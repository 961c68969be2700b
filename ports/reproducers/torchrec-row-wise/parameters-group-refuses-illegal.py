import torch
from math import nan; from torchrec.optim.rowwise_adagrad import RowWiseAdagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
q = torch.nn.Parameter(f32([1.0]).reshape(1, 1))
try: A = RowWiseAdagrad([dict(params=[q], lr=nan)])
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though lr=NaN is not >= 0')
