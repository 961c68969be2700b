"""A complex DTensor of one dimension that does not share out evenly is never stepped.

Promise: "Complex Numbers", Optimizers, PyTorch documentation: a step over complex params
    is one over the pairs of reals that they are.  "torch.distributed.tensor": operators
    on a DTensor run as if on one device.
Expected: 3 elements 1 + 2i over two ranks, with lr = 0.5 and the gradient 3 - 4i, each
    lose 0.5 - 0.5i in the first step, and S is 9 + 16i.
Seen: theta = 1 + 2i and S = 0, silently.  With 4 elements the step is right.
Install: pip install torch==2.13.0 numpy
"""

import os
import sys
import tempfile

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor


def train(rank, folder, control):
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    theta, gradient = torch.full((3,), 1 + 2j), torch.full((3,), 3 - 4j)
    if not control:
        mesh = init_device_mesh("cpu", (2,))
        theta = distribute_tensor(theta, mesh, [Shard(0)])
        gradient = distribute_tensor(gradient, mesh, [Shard(0)])
    p = torch.nn.Parameter(theta)
    p.grad = gradient
    optimizer = torch.optim.Adagrad([p], lr=0.5)
    optimizer.step()
    found = [p.detach(), optimizer.state[p]["sum"]]
    if not control:
        found = [tensor.full_tensor() for tensor in found]
    with open(f"{folder}/{rank}", "w") as file:
        file.write(str([tensor.tolist()[0] for tensor in found]))
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as folder:
        given = (folder, "--control" in sys.argv[1:])
        torch.multiprocessing.spawn(train, given, nprocs=2)
        seen = open(f"{folder}/0").read()
    expected = "[(0.5+2.5j), (9+16j)]"
    if seen != expected:
        sys.exit(f"expected theta and S {expected}, seen {seen}")
