import os, sys, torch, torch.distributed as dist
if "RANK" not in os.environ:
    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]
    os.execv(sys.executable, [sys.executable, *run])
dist.init_process_group("gloo")
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
from torch.distributed.optim import ZeroRedundancyOptimizer
p = torch.nn.Parameter(f32([1.0]))
try: opt = ZeroRedundancyOptimizer([p], torch.optim.Adagrad, lr=float("inf"))
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though lr=inf is not finite')
