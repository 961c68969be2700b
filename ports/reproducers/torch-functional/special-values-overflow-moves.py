import torch
from torch.optim.adagrad import adagrad
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = f32([1.0])
options = dict(lr_decay=0.0, weight_decay=0.0, maximize=False, lr=1.0, eps=0.5)
sums = {'p': torch.full_like(p, 0.0)}
counts = {'p': torch.tensor(0.0)}
adagrad([p], [f32([3.000000104103097e+19])], [sums['p']], [counts['p']], has_sparse_grad=False, **options)
seen = float(p.detach().ravel()[0])
assert seen != 1.0, f"p[0] = {seen}, due another number"
