"""DeepSpeedCPUAdagrad leaves a param that is not contiguous as it is.

Promise: torch.optim.Optimizer, the base class, takes any tensors as params
    (docs.pytorch.org/docs/stable/optim.html); a later test of DeepSpeed demands that a
    transposed param follows torch.optim.Adagrad (tests/unit/ops/adagrad).
Expected: each element is 1 - 0.5 * 2 / sqrt(2 * 2) = 0.5, and S = 4, as for the same
    elements in any other order.
Seen: the elements are 1 and S is 0, while the counter advances: the kernel works on a
    contiguous copy that is thrown away.
Install: pip install torch==2.13.0 ninja setuptools wheel packaging;
    DS_BUILD_CPU_ADAGRAD=1 pip install --no-build-isolation deepspeed==0.19.8
"""

import sys

import torch

control = sys.argv[1:] == ["--control"]
if control:
    from torch.optim import Adagrad as Optimizer
else:
    from deepspeed.ops.adagrad import DeepSpeedCPUAdagrad as Optimizer

p = torch.nn.Parameter(torch.ones(16, 8).t())
p.grad = torch.full((8, 16), 2.0)
optimizer = Optimizer([p], lr=0.5)
optimizer.step()
total = optimizer.state[p]["sum" if control else "exp_avg_sq"]
seen = (p[0, 0].item(), total[0, 0].item())
if seen != (0.5, 4.0):
    sys.exit(f"expected element and S (0.5, 4.0), seen {seen}")
