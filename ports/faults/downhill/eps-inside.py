"""downhill: ADAGRAD adds its regularizer under the root, not to the root.

Promise: p - alpha / (sqrt(g) + eps) * gradient, where g has the new square
  (https://downhill.readthedocs.io/en/stable/generated/downhill.adaptive.ADAGRAD.html).
Expected: from p = 1 by the gradient 1, alpha = 1 and eps = 0.5:
  1 - 1 / (1 + 0.5) = 0.333...
Seen: 1 - 1 / sqrt(1 + 0.5) = 0.1835...
Install: pip install downhill==0.4.0 Theano==1.0.5 numpy==1.23.5 scipy==1.11.4
"""

import os
import sys

os.environ["THEANO_FLAGS"] = "cxx=,blas.ldflags=,floatX=float64"

import downhill
import numpy as np
import theano
import theano.tensor as TT

p = theano.shared(np.array([1.0]), name="p")
loss = p.sum()  # whose gradient is 1
if "--control" in sys.argv:  # the documented formula
    total = theano.shared(np.array([0.0]))
    new = total + TT.grad(loss, p) ** 2
    updates = [(total, new), (p, p - 1.0 / (TT.sqrt(new) + 0.5) * TT.grad(loss, p))]
else:
    optimizer = downhill.build("adagrad", loss, [p], [])
    updates = list(optimizer.get_updates(learning_rate=1.0, rms_regularizer=0.5))
theano.function([], [], updates=updates)()

seen, expected = p.get_value()[0], 1 - 1 / 1.5
if abs(seen - expected) > 1e-12:
    sys.exit(f"expected {expected}, seen {seen}")
