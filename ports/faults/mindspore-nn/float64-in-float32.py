"""Params of float64 are stepped in float32.

Promise: the optimizer takes any list of Parameter, and its operator any float type
    (mindspore/nn/optim/ada_grad.py, Args; mindspore/ops, ApplyAdagrad, Inputs).
Expected: a gradient of 0 leaves w = 0.1, and its sum 0.3, as they are.
Seen: w = 0.10000000149011612 and the sum 0.30000001192092896: both went through float32.
Install: pip install mindspore==2.10.0 numpy==1.26.4
"""

import os
import sys

os.environ["GLOG_v"] = "4"
import mindspore
import numpy as np
from mindspore import Parameter, Tensor, nn


class Control:
    """The documented formula in binary64; eps is left out, as the gradient is 0."""

    def __init__(self, params, accum, learning_rate):
        self.params, self.rate = params, learning_rate
        self.accum = [Parameter(Tensor(np.full(1, accum)), name="accum")]

    def __call__(self, gradients):
        g, s, w = (x[0].asnumpy() for x in (gradients, self.accum, self.params))
        s = s + g * g
        self.accum[0].set_data(Tensor(s))
        self.params[0].set_data(Tensor(w - self.rate * g / np.sqrt(s)))


param = Parameter(Tensor(np.array([0.1])), name="w")
make = Control if "--control" in sys.argv else nn.Adagrad
optimizer = make([param], accum=0.3, learning_rate=1.0)
optimizer((Tensor([0.0], mindspore.float64),))
seen = float(param.asnumpy()[0]), float(optimizer.accum[0].asnumpy()[0])
if seen != (0.1, 0.3):
    sys.exit(f"expected (0.1, 0.3), seen {seen}")
