"""adagradw.AdagradW with foreach=True and weight decay overwrites the gradients.

Promise: "torch.Tensor.grad", PyTorch documentation: the gradient is the param's, and
    backward calls accumulate into it; the README of adagradw calls AdagradW a drop-in
    replacement for torch.optim.Adagrad, whose step leaves gradients as they are.
Expected: after a step with the gradient 3, p.grad is 3.
Seen: p.grad is -1.5, which is the gradient times -lr.  The code multiplies in place where
    weight_decay is not 0, as torch does on a copy that AdagradW no longer makes; that
    does not depend on the version of torch.
Install: pip install torch==2.13.0, pip install --no-deps adagradw==0.0.4
"""

import sys

import torch

p = torch.nn.Parameter(torch.ones(1))
p.grad = torch.tensor([3.0])
if "--control" in sys.argv[1:]:
    made = torch.optim.Adagrad
else:
    from adagradw import AdagradW as made

made([p], lr=0.5, weight_decay=0.25, foreach=True).step()

if p.grad.tolist() != [3.0]:
    sys.exit(f"expected p.grad = [3.0], seen {p.grad.tolist()}")
