import os, sys, torch, torch.distributed as dist
if "RANK" not in os.environ:
    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]
    os.execv(sys.executable, [sys.executable, *run])
dist.init_process_group("gloo")
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
mesh = dist.device_mesh.init_device_mesh("cpu", (2,))
spread = lambda t: distribute_tensor(t, mesh, [Shard(0) if t.dim() else Replicate()])
f64 = lambda v: torch.tensor(v, dtype=torch.float64)
p = torch.nn.Parameter(spread(f64([1.0])))
opt = torch.optim.Adagrad([p], lr=1.0, eps=0.5)
opt.state[p].update(sum=spread(f64([2.0])), step=torch.tensor(16777216.0))
p.grad = spread(f64([2.0]))
opt.step()
seen = int(opt.state[p]["step"])
assert seen == 16777217, f"p counter = {seen}, due 16777217"
