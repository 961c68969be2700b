"""MXNet: AdaGrad steps no weight of float64 or float16.

Promise: without multi_precision an optimizer works in the precision of the weights
  (https://mxnet.apache.org/versions/1.9.1/api/python/docs/api/optimizer/index.html,
  Optimizer, multi_precision).
Expected: from w = 1 by the gradient 2, rate 0.5 and eps 0: 1 - 0.5 = 0.5 in each type.
Seen: an MXNetError: the history is made without a dtype, so it is float32, and a square
  of another type cannot be added to it.
Install: pip install mxnet==1.9.1 numpy==1.23.5
"""

import sys
import warnings

import mxnet as mx
import numpy as np

warnings.simplefilter("ignore")


class Right(mx.optimizer.AdaGrad):
    """The same with a history of the weight's type."""

    def create_state(self, index, weight):
        return mx.nd.zeros(weight.shape, weight.context, dtype=weight.dtype)


AdaGrad = Right if "--control" in sys.argv else mx.optimizer.AdaGrad
for dtype in ("float32", "float64", "float16"):
    updater = mx.optimizer.get_updater(AdaGrad(learning_rate=0.5, eps=0.0))
    w = mx.nd.array(np.array([1.0]), dtype=dtype)
    try:
        updater(0, mx.nd.array(np.array([2.0]), dtype=dtype), w)
        seen = w.asnumpy()[0]
    except mx.base.MXNetError as error:
        seen = f"MXNetError: {str(error).strip().splitlines()[-1]}"
    if seen != 0.5:
        sys.exit(f"expected {dtype} w = 0.5, seen {seen}")
