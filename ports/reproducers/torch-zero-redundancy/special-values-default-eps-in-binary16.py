# In binary16 the default eps should not make NaN of a zero gradient.
# Port: torch/zero-redundancy 2.13.0+cpu
# Formula: clr = lr / (1 + (t - 1) * lr_decay), p - clr * g / (sqrt(sum) + eps)
# Expected: a finite number; seen: nan
import os, sys, torch, torch.distributed as dist
if "RANK" not in os.environ:
    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]
    os.execv(sys.executable, [sys.executable, *run])
dist.init_process_group("gloo")
from torch.distributed.optim import ZeroRedundancyOptimizer
f16 = lambda v: torch.tensor(v, dtype=torch.float16)
p = torch.nn.Parameter(f16([1.0]))
opt = ZeroRedundancyOptimizer([p], torch.optim.Adagrad)
p.grad = f16([0.0])
opt.step()
seen = float(p.detach().ravel()[0])
assert -65504.0 <= seen <= 65504.0, f"p[0] = {seen}, due -65504.0 .. 65504.0"
