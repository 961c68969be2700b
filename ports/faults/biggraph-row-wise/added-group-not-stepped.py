"""torchbiggraph's RowAdagrad cannot step a table that was added with add_param_group.

Promise: RowAdagrad is a torch.optim.Optimizer.  "torch.optim", add_param_group, PyTorch
    documentation: params can be added as training goes on.
Expected: q, a table of one row that was added with lr = 1 and is stepped by the gradient
    3, goes from 1 to 0: the first step takes g / sqrt(mean(g * g)) = 1 from it.
Seen: KeyError: 'step'.  The constructor alone makes states.
Install: pip install torch==2.13.0, pip install --no-deps torchbiggraph==1.0.0
"""

import sys

import torch

p = torch.nn.Parameter(torch.ones(1, 1))
q = torch.nn.Parameter(torch.ones(1, 1))
if "--control" in sys.argv[1:]:
    optimizer = torch.optim.Adagrad([p], lr=1.0)
else:
    from torchbiggraph.row_adagrad import RowAdagrad

    optimizer = RowAdagrad([p], lr=1.0)
optimizer.add_param_group({"params": [q]})
q.grad = torch.tensor([[3.0]])
try:
    optimizer.step()
    seen = str(q.tolist())
except KeyError as error:
    seen = f"KeyError: {error}"
if seen != "[[0.0]]":
    sys.exit(f"expected q = [[0.0]], seen {seen}")
