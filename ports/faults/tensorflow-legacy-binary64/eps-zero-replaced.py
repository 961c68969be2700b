"""The legacy Adagrad of tf_keras puts 1e-7 in the place of an epsilon of 0.

Promise: epsilon is a floating point value, and the constant of the update
    (tf_keras.optimizers.legacy.Adagrad, Args; tf.raw_ops.ResourceApplyAdagradV2).
    Only None stands for the default in its own source.
Expected: with epsilon 0, S = 0 + 1e-20 and a gradient of 1e-10 the param moves by
    lr * 1e-10 / (sqrt(1e-20) + 0) = 0.1, from 1.0 to 0.9.
Seen: it moves by 0.1 * 1e-10 / (1e-10 + 1e-7), about 1e-4, to 0.9999001; the attribute
    epsilon is 1e-7.
Install: pip install tf_keras==2.21.0 tensorflow==2.21.0
"""

import sys

import numpy as np
import tensorflow as tf
import tf_keras

gradient = np.float64(1e-10)
if sys.argv[1:] == ["--control"]:
    epsilon, total = np.float64(0.0), gradient * gradient
    seen = float(1.0 - 0.1 * gradient / (np.sqrt(total) + epsilon))
else:
    param = tf.Variable(np.array([1.0]))
    optimizer = tf_keras.optimizers.legacy.Adagrad(
        0.1, initial_accumulator_value=0.0, epsilon=0.0
    )
    optimizer.apply_gradients([(tf.constant([gradient]), param)])
    seen = float(param.numpy()[0])
    print("the optimizer's epsilon is", optimizer.epsilon)
if abs(seen - 0.9) > 1e-6:
    sys.exit(f"expected theta = 0.9, seen {seen}")
