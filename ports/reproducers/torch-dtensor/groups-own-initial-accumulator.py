import os, sys, torch, torch.distributed as dist
if "RANK" not in os.environ:
    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]
    os.execv(sys.executable, [sys.executable, *run])
dist.init_process_group("gloo")
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
mesh = dist.device_mesh.init_device_mesh("cpu", (2,))
spread = lambda t: distribute_tensor(t, mesh, [Shard(0) if t.dim() else Replicate()])
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
p = torch.nn.Parameter(spread(f32([1.0])))
opt = torch.optim.Adagrad([dict(params=[p], initial_accumulator_value=0.5)], lr=1.0, eps=0.5)
seen = float(opt.state[p]["sum"].full_tensor().ravel()[0])
assert seen == 0.5, f"p[0] S = {seen}, due 0.5"
