import torch
from math import nan
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
q = torch.nn.Parameter(f32([1.0]))
try: A = torch.optim.Adagrad([dict(params=[q], lr=float("nan"))], foreach=True)
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though lr=NaN is not >= 0')
