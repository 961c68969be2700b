"""tf_keras rounds weight_decay to binary32 where floatx is float64.

Promise: floatx can be float64 (tf_keras.backend.set_floatx); weight_decay is a float,
    and applied if set (tf_keras.optimizers.Adagrad, Args).
Expected: weight decay takes 0.5 * 0.1 from a param of 1.0 whose gradient is 0, which
    leaves 0.95.
Seen: 0.9499999992549419 = 1 - 0.5 * float32(0.1): tf.cast makes a tensor of binary32
    of the Python float first.
Install: pip install tf_keras==2.21.0 tensorflow==2.21.0
"""

import sys

import numpy as np
import tensorflow as tf
import tf_keras

tf_keras.backend.set_floatx("float64")
if sys.argv[1:] == ["--control"]:
    theta = np.float64(1.0)
    seen = float(theta - theta * 0.1 * 0.5 - 0.5 * 0.0 / np.sqrt(0.1 + 1e-7))
else:
    param = tf.Variable(np.array([1.0]))
    optimizer = tf_keras.optimizers.Adagrad(0.5, weight_decay=0.1)
    optimizer.apply_gradients([(tf.zeros(1, tf.float64), param)])
    seen = float(param.numpy()[0])
if abs(seen - 0.95) > 1e-15:
    sys.exit(f"expected theta = 0.95, seen {seen}")
