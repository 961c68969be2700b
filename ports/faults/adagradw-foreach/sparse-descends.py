"""adagradw.AdagradW with foreach=True and maximize=True descends a sparse gradient.

Promise: the docstring of AdagradW: with maximize the params go up the objective.
    "torch.nn.Embedding", PyTorch documentation: Adagrad takes sparse gradients; the
    README of adagradw calls AdagradW a drop-in replacement for it.
Expected: row 1 of p, with lr = 1 and the gradient 3, goes from 1 to 2, because the first
    step adds g / sqrt(g * g) = 1.
Seen: it goes to 0.  The code hands maximize=False to the path of sparse gradients, with
    any version of torch.
Install: pip install torch==2.13.0, pip install --no-deps adagradw==0.0.4
"""

import sys

import torch

p = torch.nn.Parameter(torch.ones(2))
p.grad = torch.sparse_coo_tensor([[1]], [3.0], (2,), check_invariants=True)
if "--control" in sys.argv[1:]:
    made = torch.optim.Adagrad
else:
    from adagradw import AdagradW as made

made([p], lr=1.0, maximize=True, foreach=True).step()

if p.tolist() != [1.0, 2.0]:
    sys.exit(f"expected p = [1.0, 2.0], seen {p.tolist()}")
