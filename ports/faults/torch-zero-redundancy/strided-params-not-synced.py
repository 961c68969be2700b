"""ZeroRedundancyOptimizer sends strided params to the other rank as if they were dense.

Promise: "Distributed Optimizers", PyTorch documentation, ZeroRedundancyOptimizer: params
    are any tensors of one dense type; each rank broadcasts what it updated, so that all
    replicas stay in the same state.
Expected: each rank has the params p and q, every other element of [5, 7, 6, 7].  With
    lr = 1 a first step takes g / sqrt(g * g) = 1 from each: both hold [4, 5] everywhere.
Seen: rank 0 holds q = [4, 6], rank 1 holds p = [4, 6]: each of them is stepped on the
    other rank, and its second element does not arrive.
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
    params = []
    for _ in range(2):
        view = torch.tensor([5.0, 7.0, 6.0, 7.0])[::2]
        params.append(torch.nn.Parameter(view))
        params[-1].grad = torch.tensor([3.0, 4.0])
    if control:
        optimizer = torch.optim.Adagrad(params, lr=1.0)
    else:
        optimizer = ZeroRedundancyOptimizer(params, torch.optim.Adagrad, lr=1.0)
    optimizer.step()
    with open(f"{folder}/{rank}", "w") as file:
        file.write(str([p.tolist() for p in params]))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as folder:
        given = (folder, "--control" in sys.argv[1:])
        torch.multiprocessing.spawn(train, given, nprocs=2)
        seen = [open(f"{folder}/{rank}").read() for rank in range(2)]
    expected = ["[[4.0, 5.0], [4.0, 5.0]]"] * 2
    if seen != expected:
        sys.exit(f"expected p and q on ranks 0 and 1 {expected}, seen {seen}")
