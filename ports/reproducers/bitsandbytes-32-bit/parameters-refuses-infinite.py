import torch
from math import inf; from bitsandbytes.optim import Adagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]))
try: A = Adagrad([p], lr=inf)
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though lr=inf is not finite')
