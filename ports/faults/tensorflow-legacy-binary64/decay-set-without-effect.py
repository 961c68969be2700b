"""The legacy Adagrad of tf_keras goes on with the old decay when `decay` is set.

Promise: hyperparameters can be overwritten by user code, as
    `optimizer.learning_rate = 0.05` (tf_keras.optimizers.legacy.Optimizer,
    Hyperparameters); `decay` is one of them: it is set by _set_hyper.
Expected: decay set to 1 after the first step; in the second the rate is
    0.1 / (1 + 1 * 1) = 0.05, S is 2 + 1 + 1 = 4, and the param moves by 0.025.
Seen: it moves by 0.05, by the rate 0.1; the attribute says 1 and the rate is computed
    with the constructor's 0.
Install: pip install tf_keras==2.21.0 tensorflow==2.21.0
"""

import sys

import numpy as np
import tensorflow as tf
import tf_keras

if sys.argv[1:] == ["--control"]:
    theta, total, decay, moved = 1.0, 2.0, 0.0, 0.0
    for step in range(2):
        decay = 1.0 if step else 0.0
        total += 1.0
        moved = 0.1 / (1 + decay * step) / np.sqrt(total)
        theta -= moved
else:
    param, gradient = tf.Variable(np.array([1.0])), tf.ones(1, tf.float64)
    optimizer = tf_keras.optimizers.legacy.Adagrad(0.1, 2.0, epsilon=1e-30)
    optimizer.apply_gradients([(gradient, param)])
    optimizer.decay = 1.0
    before = float(param.numpy()[0])
    optimizer.apply_gradients([(gradient, param)])
    moved = before - float(param.numpy()[0])
if abs(moved - 0.025) > 1e-6:
    sys.exit(f"expected a step of 0.025, seen {moved}")
