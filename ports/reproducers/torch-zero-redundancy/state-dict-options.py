# The loaded options win over those of the constructor.
# Port: torch/zero-redundancy 2.13.0+cpu
import os, sys, torch, torch.distributed as dist
if "RANK" not in os.environ:
    run = ["-m", "torch.distributed.run", "--nproc-per-node=2", *sys.argv]
    os.execv(sys.executable, [sys.executable, *run])
dist.init_process_group("gloo")
from torch.distributed.optim import ZeroRedundancyOptimizer
f32 = lambda v: torch.tensor(v, dtype=torch.float32)
# s is the save 'dict'
# s1 is the save 'other'
p = torch.nn.Parameter(f32([1.0]))
q = torch.nn.Parameter(f32([1.0]))
opt = ZeroRedundancyOptimizer([p, q], torch.optim.Adagrad, lr=1.0, eps=0.5)
opt.consolidate_state_dict(to=0)
saved_s = opt.state_dict() if dist.get_rank() == 0 else None
opt.consolidate_state_dict(to=0)
saved_s1 = opt.state_dict() if dist.get_rank() == 0 else None
given = [saved_s]
dist.broadcast_object_list(given)
opt.load_state_dict(given[0])
import copy
given = [copy.deepcopy(saved_s1)]
dist.broadcast_object_list(given)
opt.load_state_dict(given[0])
given = [saved_s]
dist.broadcast_object_list(given)
opt.load_state_dict(given[0])
