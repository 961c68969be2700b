import torch
from torch.optim.adagrad import adagrad
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = f64([1.0])
options = dict(lr_decay=0.0, weight_decay=0.0, maximize=False, lr=1.0, eps=0.5)
sums = {'p': torch.full_like(p, 0.0)}
counts = {'p': torch.tensor(0.0)}
sums['p'], counts['p'] = f64([2.0]), torch.tensor(16777216.0)
adagrad([p], [f64([2.0])], [sums['p']], [counts['p']], has_sparse_grad=False, **options)
seen = int(counts['p'])
assert seen == 16777217, f"p counter = {seen}, due 16777217"
