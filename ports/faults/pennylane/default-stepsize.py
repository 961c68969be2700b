"""PennyLane's AdagradOptimizer has another default step size than it documents.

Promise: without an argument stepsize is 0.1
  (https://docs.pennylane.ai/en/stable/code/api/pennylane.AdagradOptimizer.html, Args).
Expected: from x = 1 by the gradient 1, x - 0.1 / sqrt(1 + 1e-8) = 0.9.
Seen: 0.99, for the signature of __init__ says stepsize=0.01.
Install: pip install pennylane==0.45.1
"""

import math
import sys

import pennylane as qml
from pennylane import numpy as np


class Right:
    """The documented formula, by the documented defaults."""

    def __init__(self, stepsize=0.1, eps=1e-8):
        self.stepsize, self.eps, self.sum = stepsize, eps, 0.0

    def apply_grad(self, grad, args):
        self.sum += float(grad[0]) ** 2
        return [args[0] - self.stepsize / math.sqrt(self.sum + self.eps) * grad[0]]


optimizer = Right() if "--control" in sys.argv else qml.AdagradOptimizer()
x = np.array(1.0, requires_grad=True)
(x,) = optimizer.apply_grad((np.array(1.0),), [x])

expected = 1 - 0.1 / math.sqrt(1 + 1e-8)
if not math.isclose(float(x), expected, rel_tol=1e-12):
    sys.exit(f"expected {expected}, seen {float(x)}")
