"""A param whose first gradient comes after the first step has no state.

Promise: the params may be a superset of the gradients, and `init` is optional
    (mlx/optimizers/optimizers.py, Optimizer.apply_gradients and Optimizer.init).
Expected: q, first given a gradient in the second step, moves by 0.1 * 2 / (2 + 1e-8) to
    0.9, since its state begins by itself as that of p did.
Seen: KeyError: 'q', for the state was begun with the params of the first step alone.
Install: pip install "mlx[cpu]==0.32.4"
"""

import sys

import mlx.core as mx
from mlx.optimizers import Adagrad


class Control:
    """The documented formula, with a state for each param that has a gradient."""

    def __init__(self, learning_rate):
        self.rate, self.v = learning_rate, {}

    def apply_gradients(self, gradients, parameters):
        for name, g in gradients.items():
            self.v[name] = self.v.get(name, 0) + g * g
        return {
            name: parameters[name] - self.rate * g / (mx.sqrt(self.v[name]) + 1e-8)
            for name, g in gradients.items()
        }


optimizer = (Control if "--control" in sys.argv else Adagrad)(learning_rate=0.1)
params = {"p": mx.array([1.0]), "q": mx.array([1.0])}
params |= optimizer.apply_gradients({"p": mx.array([2.0])}, params)
try:
    params |= optimizer.apply_gradients({"q": mx.array([2.0])}, params)
    seen = f"q = {params['q'].item():.6f}"
except KeyError as error:
    seen = f"KeyError: {error}"
if seen != "q = 0.900000":
    sys.exit(f"expected q = 0.900000, seen {seen}")
