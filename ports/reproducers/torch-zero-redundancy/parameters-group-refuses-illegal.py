import os, sys, torch, torch.distributed as dist
if "RANK" not in os.environ:
    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]
    os.execv(sys.executable, [sys.executable, *run])
dist.init_process_group("gloo")
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
from torch.distributed.optim import ZeroRedundancyOptimizer
q = torch.nn.Parameter(f32([1.0]))
try: opt = ZeroRedundancyOptimizer([dict(params=[q], lr=float("nan"))], torch.optim.Adagrad)
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though lr=NaN is not >= 0')
