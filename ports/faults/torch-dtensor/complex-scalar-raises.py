"""A complex DTensor without dimensions cannot be stepped: tuple index out of range.

Promise: "Complex Numbers", Optimizers, PyTorch documentation: a step over complex params
    is one over the pairs of reals that they are.  "torch.distributed.tensor": operators
    on a DTensor run as if on one device, and a tensor may be a replica on each rank.
Expected: a replicated scalar 1 + 2i, with lr = 0.5 and the gradient 3 - 4i, becomes
    0.5 + 2.5i in the first step.
Seen: RuntimeError: tuple index out of range, from the sharding of view_as_real.
Install: pip install torch==2.13.0 numpy
"""

import os
import sys
import tempfile

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Replicate, distribute_tensor


def train(rank, folder, control):
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    theta, gradient = torch.tensor(1 + 2j), torch.tensor(3 - 4j)
    if not control:
        mesh = init_device_mesh("cpu", (2,))
        theta = distribute_tensor(theta, mesh, [Replicate()])
        gradient = distribute_tensor(gradient, mesh, [Replicate()])
    p = torch.nn.Parameter(theta)
    p.grad = gradient
    try:
        torch.optim.Adagrad([p], lr=0.5).step()
        found = str((p.detach() if control else p.detach().full_tensor()).item())
    except RuntimeError as error:
        found = f"RuntimeError: {str(error).splitlines()[0]}"
    with open(f"{folder}/{rank}", "w") as file:
        file.write(found)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    with tempfile.TemporaryDirectory() as folder:
        given = (folder, "--control" in sys.argv[1:])
        torch.multiprocessing.spawn(train, given, nprocs=2)
        seen = open(f"{folder}/0").read()
    if seen != "(0.5+2.5j)":
        sys.exit(f"expected theta (0.5+2.5j), seen {seen}")
