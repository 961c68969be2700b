"""torch.optim.Adagrad with fused=True takes a strided param for a dense one.

Promise: "Tensor Views", PyTorch documentation: a view shares its base's data; strides
    matter for performance alone.  "Adagrad", Parameters, fused: its limits are named,
    which are four formats, and no sparse or complex gradients.
Expected: p is every other element of base, [1, 2].  With lr = 1 a first step takes
    g / sqrt(g * g) = 1 from each, so base becomes [0, 7, 1, 7].
Seen: base = [0, 6, 2, 7]: a neighbour is overwritten, and the last element stays.
Install: pip install torch==2.13.0
"""

import sys

import torch

fused = "--control" not in sys.argv[1:]

base = torch.tensor([1.0, 7.0, 2.0, 7.0])
p = torch.nn.Parameter(base[::2])
p.grad = torch.tensor([3.0, 4.0])

torch.optim.Adagrad([p], lr=1.0, fused=fused).step()

expected, seen = [0.0, 7.0, 1.0, 7.0], base.tolist()
if seen != expected:
    sys.exit(f"expected base = {expected}, seen {seen}")
