"""A step leaves params of float16 as they are, without an error.

Promise: the optimizer's operator takes variables of float16 or float32
    (mindspore/ops/operations/nn_ops.py, ApplyAdagradV2, Inputs).
Expected: w = 1, lr = 0.5 and g = 2 give w = 1 - 0.5 * 2 / 2 = 0.5 and the sum 4.
Seen: w = 1 and the sum 0, and the call returns True.  A param of float64, which the
    constructor takes and the operator does not, stands still as silently.
Install: pip install mindspore==2.10.0 numpy==1.26.4
"""

import os
import sys

os.environ["GLOG_v"] = "4"
import mindspore
from mindspore import Parameter, Tensor
from mindspore.experimental import optim

# The control is the same optimizer on the other documented type.
kind = mindspore.float32 if "--control" in sys.argv else mindspore.float16
param = Parameter(Tensor([1.0], kind), name="w")
optimizer = optim.Adagrad([param], lr=0.5)
optimizer((Tensor([2.0], kind),))
seen = float(param.asnumpy()[0]), float(optimizer.accum[0].asnumpy()[0])
if seen != (0.5, 4.0):
    sys.exit(f"expected w = 0.5 and a sum of 4, seen {seen}")
