"""Keras on torch rounds the rate of all variables to the format of the first one.

Promise: each layer has its own dtype (keras.Layer, argument dtype), and each variable
    an accumulator of its own dtype (Optimizer.add_optimizer_variables); the rate is a
    float for all of them (keras.optimizers.Adagrad, Arguments).
Expected: the float32 variable moves by 0.00123 * 1 / sqrt(0 + 1), from 0.0 to -0.00123.
Seen: -0.0012302398681640625, the float16 next to 0.00123, for the first variable is of
    float16; with a rate of 2e-8 it does not move at all.  JAX and TensorFlow are right.
Install: pip install keras==3.15.1 torch==2.13.0
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np

start = np.zeros(1, "float32")
if sys.argv[1:] == ["--control"]:
    gradient = np.ones(1, "float32")
    total = 0 + gradient**2
    moved = start - np.float32(0.00123) * gradient / np.sqrt(total + np.float32(1e-7))
    seen = float(moved[0])
else:
    half = keras.Variable(np.zeros(1), dtype="float16")
    single = keras.Variable(start, dtype="float32")
    optimizer = keras.optimizers.Adagrad(0.00123, initial_accumulator_value=0.0)
    gradients = [keras.ops.ones(1, "float16"), keras.ops.ones(1, "float32")]
    optimizer.apply(gradients, [half, single])
    seen = float(keras.ops.convert_to_numpy(single)[0])
if abs(seen + 0.00123) > 1e-9:
    sys.exit(f"expected theta = -0.00123, seen {seen}")
