"""adagradw.AdagradW cannot step a param that was added with add_param_group.

Promise: the README of adagradw calls AdagradW a drop-in replacement for
    torch.optim.Adagrad.  "Adagrad", add_param_group, PyTorch documentation: params can
    be added as training goes on, with options of their group.
Expected: q, added with lr = 1 and stepped by the gradient 3, goes from 1 to 0, because
    the first step takes g / sqrt(g * g) = 1 from it.
Seen: KeyError: 'sum'.  The constructor alone makes states, with any version of torch.
Install: pip install torch==2.13.0, pip install --no-deps adagradw==0.0.4
"""

import sys

import torch

control = "--control" in sys.argv[1:]

p = torch.nn.Parameter(torch.ones(1))
q = torch.nn.Parameter(torch.ones(1))
if control:
    optimizer = torch.optim.Adagrad([p], lr=1.0, foreach=True)
else:
    from adagradw import AdagradW

    optimizer = AdagradW([p], lr=1.0, foreach=True)
optimizer.add_param_group({"params": [q]})
q.grad = torch.tensor([3.0])
try:
    optimizer.step()
    seen = str(q.tolist())
except KeyError as error:
    seen = f"KeyError: {error}"
if seen != "[0.0]":
    sys.exit(f"expected q = [0.0], seen {seen}")
