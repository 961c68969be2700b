"""Under torch.compile the learning rate of a float64 param is computed in float32.

Promise: "Compiling the optimizer with torch.compile", PyTorch tutorials: step is
    wrapped in torch.compile.  "Adagrad": the rate is lr / (1 + (t - 1) * lr_decay), and
    lr is a Python float, which has the width of the param's float64.
Expected: the gradient is 1 and eps is 0, so the first step takes 0.7 from 0, and the
    second (0.7 / 1.13) / sqrt(2) more: -1.1380307494075956 in float64.
Seen: -1.1380307516599433, which is 2e-9 away; a unit of float64 is 2e-16 there.
Install: pip install torch==2.13.0 (and a C++ compiler)
"""

import sys

import torch

control = "--control" in sys.argv[1:]

p = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
p.grad = torch.ones(1, dtype=torch.float64)
optimizer = torch.optim.Adagrad([p], lr=0.7, lr_decay=0.13, eps=0.0)


def step():
    optimizer.step()


run = step if control else torch.compile(step)
run()
run()

expected, seen = -0.7 - 0.7 / 1.13 / 2**0.5, p.item()
if abs(seen - expected) > 1e-14:
    sys.exit(f"expected theta = {expected}, seen {seen}")
