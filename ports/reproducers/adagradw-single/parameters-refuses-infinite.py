import torch
from math import inf; from adagradw import AdagradW
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(f32([1.0]))
try: A = AdagradW([p], lr=inf, foreach=False)
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though lr=inf is not finite')
