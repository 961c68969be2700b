"""ZeroRedundancyOptimizer.load_state_dict removes other ranks' states from its argument.

Promise: "Distributed Optimizers", PyTorch documentation, ZeroRedundancyOptimizer:
    load_state_dict takes what state_dict returned and loads this rank's part from it;
    what it updates is the local optimizer.
Expected: after rank 0 went back to a consolidated state, that state still has S of both
    params, 9 and 16, as a checkpoint that is written from it must.
Seen: S of the param that rank 1 steps is gone: its entry is None.
Install: pip install torch==2.13.0 numpy
"""

import os
import sys
import tempfile

import torch
import torch.distributed as dist
from torch.distributed.optim import ZeroRedundancyOptimizer


def train(rank, folder, control):
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    params = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    if control:
        optimizer = torch.optim.Adagrad(params)
    else:
        optimizer = ZeroRedundancyOptimizer(params, torch.optim.Adagrad)
    params[0].grad, params[1].grad = torch.tensor([3.0]), torch.tensor([4.0])
    optimizer.step()
    if not control:
        optimizer.consolidate_state_dict(to=0)
    if rank == 0:
        state = optimizer.state_dict()
        optimizer.load_state_dict(state)
        sums = [kept and kept["sum"].item() for kept in state["state"].values()]
        with open(f"{folder}/sums", "w") as file:
            file.write(str(sums))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as folder:
        given = (folder, "--control" in sys.argv[1:])
        torch.multiprocessing.spawn(train, given, nprocs=2)
        seen = open(f"{folder}/sums").read()
    if seen != "[9.0, 16.0]":
        sys.exit(f"expected S in the loaded dict [9.0, 16.0], seen {seen}")
