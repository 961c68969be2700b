"""numpy-ml: set_params shows a new learning rate, and steps use the old one.

Promise: set_params sets hyperparameters of an optimizer, of which lr is one
  (numpy_ml/neural_nets/optimizers/optimizers.py, OptimizerBase.set_params).
Expected: after set_params({"lr": 0.25}) the first step of w = 1 by the gradient 2,
  with eps 0, is 0.25 * 2 / sqrt(2**2) = 0.25: w = 0.75.
Seen: 0.0: the step uses a scheduler that was made with the constructor's rate 1.0.
Install: pip install numpy-ml==0.1.2 numpy scipy, and collections.Hashable as below.
"""

import collections
import collections.abc
import sys

import numpy as np

collections.Hashable = collections.abc.Hashable  # which Python 3.10 removed

from numpy_ml.neural_nets.optimizers import AdaGrad  # noqa: E402


class Right:
    """The documented equations, by the hyperparameters as they are."""

    def __init__(self, lr, eps):
        self.hyperparameters, self.cache = {"lr": lr, "eps": eps}, {}

    def set_params(self, hparam_dict):
        self.hyperparameters.update(hparam_dict)

    def update(self, param, grad, name):
        self.cache[name] = self.cache.get(name, 0.0) + grad**2
        lr, eps = self.hyperparameters["lr"], self.hyperparameters["eps"]
        return param - lr * grad / (np.sqrt(self.cache[name]) + eps)


Optimizer = Right if "--control" in sys.argv else AdaGrad
optimizer = Optimizer(lr=1.0, eps=0.0)
optimizer.set_params({"lr": 0.25})
w = optimizer.update(np.array([[1.0]]), np.array([[2.0]]), "w")

seen = w.item()
if seen != 0.75:
    sys.exit(f"expected 0.75, seen {seen}")
