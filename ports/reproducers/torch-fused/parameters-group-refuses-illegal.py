# Negative and NaN options are refused in groups too, also in added ones.
# Port: torch/fused 2.13.0+cpu
# Seen: accepted, though lr=NaN is not >= 0
import torch
from math import nan
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
q = torch.nn.Parameter(f32([1.0]))
try: A = torch.optim.Adagrad([dict(params=[q], lr=float("nan"))], fused=True)
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though lr=NaN is not >= 0')
