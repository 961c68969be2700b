"""Keras on TensorFlow squares the gradients of a token that occurs twice one by one.

Promise: the optimizer takes the gradient of an Embedding layer, tf.IndexedSlices
    (keras/src/backend/tensorflow/optimizer.py, assign_add); the algorithm is Duchi et
    al., 2011 (keras/src/optimizers/adagrad.py, Reference), which squares the gradient.
Expected: token 1 is read twice, with gradients 1 and 2; its row has the gradient 3, S
    is 9, and the row moves by 0.1 * 3 / sqrt(9).  The torch backend does so.
Seen: S is 1 + 4 = 5, and the row moves by 0.1 * 3 / sqrt(5), to 0.8658.
Install: pip install keras==3.15.1 tensorflow==2.21.0
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import tensorflow as tf

layer = keras.layers.Embedding(2, 1, embeddings_initializer="ones")
weights = tf.constant([[1.0], [2.0]])
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(layer(tf.constant([1, 1])) * weights)
[gradient] = tape.gradient(loss, layer.trainable_variables)

if sys.argv[1:] == ["--control"]:
    dense = np.zeros(2)
    np.add.at(dense, gradient.indices.numpy(), gradient.values.numpy()[:, 0])
    total = dense**2
    row = 1 - 0.1 * dense[1] / np.sqrt(total[1])
    seen = float(total[1]), float(row)
else:
    optimizer = keras.optimizers.Adagrad(0.1, initial_accumulator_value=0.0)
    optimizer.build(layer.trainable_variables)
    optimizer.apply([gradient], layer.trainable_variables)
    total = optimizer.variables[-1].numpy()
    seen = float(total[1, 0]), float(layer.get_weights()[0][1, 0])
if not np.allclose(seen, (9.0, 0.9), atol=1e-5):
    sys.exit(f"expected S = 9.0 and theta = 0.9, seen S = {seen[0]}, theta = {seen[1]}")
