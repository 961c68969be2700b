"""downhill: ADAGRAD cannot be made for a param without dimensions.

Promise: shared_like makes, from a shared variable, another of its shape and type
  (downhill/util.py, documentation of shared_like); so an optimizer keeps its sums.
Expected: from p = 1 by the gradient 1, alpha = 0.5 and eps = 0: 1 - 0.5 = 0.5.
Seen: a TypeError: a NumPy scalar is made, which theano.shared takes for no array.
Install: pip install downhill==0.4.0 Theano==1.0.5 numpy==1.23.5 scipy==1.11.4
"""

import os
import sys

os.environ["THEANO_FLAGS"] = "cxx=,blas.ldflags=,floatX=float64"

import downhill
import numpy as np
import theano

if "--control" in sys.argv:  # what shared_like says that it does

    def shared_like(param, suffix, init=0):
        value = param.get_value()
        return theano.shared(np.full(np.shape(value), init, value.dtype))

    downhill.util.shared_like = shared_like

p = theano.shared(np.array(1.0), name="p")
optimizer = downhill.build("adagrad", p * 1.0, [p], [])
try:
    updates = list(optimizer.get_updates(learning_rate=0.5, rms_regularizer=0.0))
except TypeError as error:
    sys.exit(f"expected p = 0.5, seen TypeError: {str(error).splitlines()[0]}")
theano.function([], [], updates=updates)()

if p.get_value() != 0.5:
    sys.exit(f"expected p = 0.5, seen p = {p.get_value()}")
