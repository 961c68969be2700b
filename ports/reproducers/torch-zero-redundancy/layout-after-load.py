import os, sys, torch, torch.distributed as dist
if "RANK" not in os.environ:
    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]
    os.execv(sys.executable, [sys.executable, *run])
dist.init_process_group("gloo")
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
from torch.distributed.optim import ZeroRedundancyOptimizer
p = torch.nn.Parameter(f32([1.0, 1.0]))
q = torch.nn.Parameter(f32([1.0, -3.25, -3.25, 1.0]).as_strided((2,), (3,), 0))
opt = ZeroRedundancyOptimizer([p, q], torch.optim.Adagrad, lr=1.0, eps=0.5)
p.grad = f32([2.0, 2.0])
q.grad = f32([2.0, 2.0])
opt.step()
seen = float(q.detach().ravel()[1])
assert 0.19999992847442627 <= seen <= 0.2000000774860382, f"q[1] = {seen}, due 0.19999992847442627 .. 0.2000000774860382"
