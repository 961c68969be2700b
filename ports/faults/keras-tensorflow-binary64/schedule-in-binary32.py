"""A Keras schedule on TensorFlow gives a binary32 rate where floatx is float64.

Promise: floatx is the type of floats throughout a session, float64 among them
    (keras.config.set_floatx); the initial rate is a Python float, and the decayed rate
    a tensor of the same type
    (keras.optimizers.schedules.InverseTimeDecay, Arguments and Returns).
Expected: with the rate 0.7 / (1 + 0.3 * 0), S = 3 + 1 and no eps the param moves from
    1.0 to 1 - 0.7 / 2 = 0.65.
Seen: 0.6500000059604645, for the rate is float32(0.7).  JAX and torch have 0.65.
Install: pip install keras==3.15.1 tensorflow==2.21.0
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np

keras.config.set_floatx("float64")
if sys.argv[1:] == ["--control"]:
    rate = np.float64(0.7) / (1 + np.float64(0.3) * 0)
    seen = float(1.0 - rate * 1.0 / np.sqrt(3.0 + 1.0**2))
else:
    rate = keras.optimizers.schedules.InverseTimeDecay(0.7, 1, 0.3)
    param = keras.Variable(np.array([1.0]), dtype="float64")
    optimizer = keras.optimizers.Adagrad(rate, 3.0, epsilon=0.0)
    optimizer.apply([keras.ops.ones(1, "float64")], [param])
    seen = float(param.numpy()[0])
if abs(seen - 0.65) > 1e-15:
    sys.exit(f"expected theta = 0.65, seen {seen}")
