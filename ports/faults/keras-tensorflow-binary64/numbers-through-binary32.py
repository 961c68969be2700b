"""Keras on TensorFlow rounds Python floats to binary32 where floatx is float64.

Promise: floatx is the type of floats throughout a session, float64 among them
    (keras.config.set_floatx); initial_accumulator_value is a floating point value and
    the starting value of the accumulators, weight_decay is a float
    (keras.optimizers.Adagrad, Arguments).
Expected: accumulators start at 0.1, the float64 that was given; weight decay takes
    0.5 * 0.1 from a param of 1.0 that has no gradient else, which leaves 0.95.
Seen: they start at float32(0.1) = 0.10000000149011612, and the param is
    1 - 0.5 * float32(0.1) = 0.9499999992549419: keras.ops.cast(0.1, "float64") makes a
    tensor of binary32 first.  JAX and torch have 0.1.
Install: pip install keras==3.15.1 tensorflow==2.21.0
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np

keras.config.set_floatx("float64")
if sys.argv[1:] == ["--control"]:
    start, theta = np.float64(0.1), np.float64(1.0)
    theta = theta - theta * 0.1 * 0.5 - 0.5 * 0.0 / np.sqrt(start + 1e-7)
    seen = float(start), float(theta)
else:
    param = keras.Variable(np.array([1.0]), dtype="float64")
    optimizer = keras.optimizers.Adagrad(
        0.5, initial_accumulator_value=0.1, weight_decay=0.1
    )
    optimizer.build([param])
    start = float(optimizer.variables[-1].numpy()[0])
    optimizer.apply([keras.ops.zeros(1, "float64")], [param])
    seen = start, float(param.numpy()[0])
if not np.allclose(seen, (0.1, 0.95), rtol=1e-15, atol=0):
    sys.exit(
        f"expected S = 0.1 and theta = 0.95, seen S = {seen[0]}, theta = {seen[1]}"
    )
