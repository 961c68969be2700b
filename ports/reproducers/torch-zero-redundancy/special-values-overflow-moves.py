import os, sys, torch, torch.distributed as dist
if "RANK" not in os.environ:
    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]
    os.execv(sys.executable, [sys.executable, *run])
dist.init_process_group("gloo")
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
from torch.distributed.optim import ZeroRedundancyOptimizer
p = torch.nn.Parameter(f32([1.0]))
opt = ZeroRedundancyOptimizer([p], torch.optim.Adagrad, lr=1.0, eps=0.5)
p.grad = f32([3.000000104103097e+19])
opt.step()
seen = float(p.detach().ravel()[0])
assert seen != 1.0, f"p[0] = {seen}, due another number"
