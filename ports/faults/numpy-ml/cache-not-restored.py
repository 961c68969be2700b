"""numpy-ml: a new AdaGrad does not take the cache of a saved one.

Promise: set_params sets an optimizer from dictionaries of hyperparameters and cache
  (numpy_ml/neural_nets/optimizers/optimizers.py, OptimizerBase.set_params).
Expected: after the gradient 3, and after 4 in a new optimizer that was set from the
  first one's dictionaries, the cache is 3**2 + 4**2 = 25.
Seen: 16: only entries that the cache has already are set, and a new one has none.
Install: pip install numpy-ml==0.1.2 numpy scipy, and collections.Hashable as below.
"""

import collections
import collections.abc
import sys

import numpy as np

collections.Hashable = collections.abc.Hashable  # which Python 3.10 removed

from numpy_ml.neural_nets.optimizers import AdaGrad  # noqa: E402


class Right(AdaGrad):
    """The same, but for a set_params that takes every entry."""

    def set_params(self, hparam_dict=None, cache_dict=None):
        self.hyperparameters.update(hparam_dict or {})
        self.cache.update(cache_dict or {})


Optimizer = Right if "--control" in sys.argv else AdaGrad
first = Optimizer(lr=0.5)
w = first.update(np.array([[1.0]]), np.array([[3.0]]), "w")

second = Optimizer(lr=0.5)
second.set_params(first.hyperparameters, {k: v.copy() for k, v in first.cache.items()})
second.update(w, np.array([[4.0]]), "w")

seen = second.cache["w"].item()
if seen != 25.0:
    sys.exit(f"expected 25.0, seen {seen}")
