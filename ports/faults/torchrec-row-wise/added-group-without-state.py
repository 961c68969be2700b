"""torchrec's RowWiseAdagrad makes no state for a group that is added later.

Promise: add_param_group of torch.optim.Optimizer, the base class, adds a group that is
    optimized from then on (docs.pytorch.org/docs/stable/optim.html); by its docstring
    RowWiseAdagrad takes groups.
Expected: the added table moves from 1 to 1 - 0.5 * 2 / sqrt(2 * 2) = 0.5, because the
    formula of its first step is that of any other table.
Seen: step() raises KeyError: 'sum', for state is made in the constructor alone.
Install: pip install torch==2.13.0 fbgemm-gpu-cpu==1.8.0 tensordict==0.15.3
    torchmetrics==1.9.0 pyre-extensions==0.0.32; pip install --no-deps torchrec==1.8.0
"""

import sys

import torch

if sys.argv[1:] == ["--control"]:  # a row of one column has its own square as mean
    from torch.optim import Adagrad as Optimizer
else:
    from torchrec.optim.rowwise_adagrad import RowWiseAdagrad as Optimizer

first, added = (torch.nn.Parameter(torch.ones(3, 1)) for _ in range(2))
optimizer = Optimizer([first], lr=0.5)
optimizer.add_param_group({"params": [added]})
for p in (first, added):
    p.grad = torch.full((3, 1), 2.0)
try:
    optimizer.step()
    seen = repr(added[0, 0].item())
except KeyError as error:
    seen = f"KeyError: {error}"
if seen != "0.5":
    sys.exit(f"expected 0.5, seen {seen}")
