"""A constant stands inside the root, where the documented formula adds it to the root.

Promise: w - lr * g / (sqrt(state_sum) + eps), with one eps
    (mindspore/nn/optim/ada_grad.py, class Adagrad, the formula).
Expected: from an empty sum a gradient g moves w = 0 by g / (g + eps) with rate 1, so eps
    is g / w - g: the same number for g = 1e-6 and for g = 1e-3.
Seen: 9.9e-05 and 5.0e-06; (g / w)^2 - g^2 is 1e-8 for both, the constant in the root.
Install: pip install mindspore==2.10.0 numpy==1.26.4
"""

import os
import sys

os.environ["GLOG_v"] = "4"
import mindspore
import numpy as np
from mindspore import Parameter, Tensor, nn


def moved(g):
    """How far a first step with gradient g moves a param, with rate 1."""
    if "--control" in sys.argv:
        return g / (np.sqrt(np.float32(g * g)) + np.float32(1e-4))
    param = Parameter(Tensor([0.0], mindspore.float32), name="w")
    optimizer = nn.Adagrad([param], accum=0.0, learning_rate=1.0)
    optimizer((Tensor([g], mindspore.float32),))
    return -float(param.asnumpy()[0])


seen = [float(g / moved(g) - g) for g in (1e-6, 1e-3)]
if abs(seen[0] - seen[1]) > 1e-6:
    sys.exit("expected one eps, seen {:.3g} and {:.3g}".format(*seen))
