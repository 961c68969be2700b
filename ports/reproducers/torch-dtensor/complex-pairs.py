import os, sys, torch, torch.distributed as dist
if "RANK" not in os.environ:
    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]
    os.execv(sys.executable, [sys.executable, *run])
dist.init_process_group("gloo")
c128 = lambda v: torch.tensor(v, dtype=torch.complex128)
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
mesh = dist.device_mesh.init_device_mesh("cpu", (2,))
spread = lambda t: distribute_tensor(t, mesh, [Shard(0) if t.dim() else Replicate()])
z = torch.nn.Parameter(spread(c128(complex(1.0, 1.0))))
opt = torch.optim.Adagrad([z], lr=1.0, eps=0.5)
z.grad = spread(c128(complex(2.0, 2.0)))
opt.step()
