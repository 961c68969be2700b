"""After add_param_group a step fails, for the new params have no accumulator.

Promise: add_param_group adds a group of params that are to be optimized
    (mindspore/experimental/optim/optimizer.py, Optimizer.add_param_group).
Expected: with lr = 0.5 and gradients of 2 the next step moves both params from 1 to 0.5.
Seen: RuntimeError: the tuples in HyperMap should have the same length.
Install: pip install mindspore==2.10.0 numpy==1.26.4
"""

import os
import sys

os.environ["GLOG_v"] = "4"
import mindspore
from mindspore import Parameter, Tensor
from mindspore.experimental import optim

params = [Parameter(Tensor([1.0], mindspore.float32), name=name) for name in "pq"]
if "--control" in sys.argv:  # both groups from the start
    optimizer = optim.Adagrad([{"params": [param]} for param in params], lr=0.5)
else:
    optimizer = optim.Adagrad([{"params": [params[0]]}], lr=0.5)
    optimizer.add_param_group({"params": [params[1]]})
gradient = Tensor([2.0], mindspore.float32)
try:
    optimizer((gradient, gradient))
    seen = [float(param.asnumpy()[0]) for param in params]
except RuntimeError as error:
    seen = str(error).strip().splitlines()[0]
if seen != [0.5, 0.5]:
    sys.exit(f"expected [0.5, 0.5], seen {seen}")
