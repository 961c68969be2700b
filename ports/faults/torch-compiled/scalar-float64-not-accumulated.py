"""A compiled step leaves the accumulator of a 0-dimensional float64 param at 0.

Promise: "Compiling the optimizer with torch.compile", PyTorch tutorials: step is
    wrapped in torch.compile.  "Adagrad": state_sum grows by the square of the gradient,
    and theta loses lr * g / (sqrt(state_sum) + eps).
Expected: from 1, with lr = 0.5 and the gradient 0.5, state_sum is 0.25 and theta is
    1 - 0.5 * 0.5 / (0.5 + 1e-10) = 0.5.
Seen: state_sum = 0.0, theta = -2499999999.0.  A param of shape (1,), and one of
    float32, are stepped as they should.
Install: pip install torch==2.13.0 (and a C++ compiler)
"""

import sys

import torch

control = "--control" in sys.argv[1:]

p = torch.nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
p.grad = torch.tensor(0.5, dtype=torch.float64)
optimizer = torch.optim.Adagrad([p], lr=0.5)


def step():
    optimizer.step()


(step if control else torch.compile(step))()

total, theta = optimizer.state[p]["sum"].item(), p.item()
if total != 0.25 or abs(theta - 0.5) > 1e-9:
    sys.exit(f"expected S = 0.25 and theta = 0.5, seen S = {total}, theta = {theta}")
