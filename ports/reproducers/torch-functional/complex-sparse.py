import torch
from torch.optim.adagrad import adagrad
c128 = lambda v: torch.tensor(v, dtype=torch.complex128)
z = c128([complex(1.0, 1.0)])
options = dict(lr_decay=0.0, weight_decay=0.0, maximize=False, lr=1.0, eps=0.5)
sums = {'z': torch.full_like(z, complex(0.0, 0.0))}
counts = {'z': torch.tensor(0.0)}
adagrad([z], [torch.sparse_coo_tensor([[0]], c128([complex(2.0, 2.0)]), (1,))], [sums['z']], [counts['z']], has_sparse_grad=True, **options)
seen = float(torch.view_as_real(sums['z']).ravel()[0])
assert seen == 4.0, f"z[0] S = {seen}, due 4.0"
