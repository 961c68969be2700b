import os, sys, torch, torch.distributed as dist
if "RANK" not in os.environ:
    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]
    os.execv(sys.executable, [sys.executable, *run])
dist.init_process_group("gloo")
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
mesh = dist.device_mesh.init_device_mesh("cpu", (2,))
spread = lambda t: distribute_tensor(t, mesh, [Shard(0) if t.dim() else Replicate()])
f16 = lambda v: torch.tensor(v, dtype=torch.float16)
p = torch.nn.Parameter(spread(f16([1.0])))
opt = torch.optim.Adagrad([p])
p.grad = spread(f16([0.0]))
opt.step()
seen = float(p.detach().full_tensor().ravel()[0])
assert -65504.0 <= seen <= 65504.0, f"p[0] = {seen}, due -65504.0 .. 65504.0"
