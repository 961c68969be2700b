import os; os.environ["KERAS_BACKEND"] = "tensorflow"
import keras, numpy as np
import tensorflow as tf
v = keras.Variable(np.array([1.0], "float32"), dtype="float32")
optimizer = keras.optimizers.Adagrad(learning_rate=1.0, epsilon=0.5)
optimizer.build([v])
optimizer.apply([tf.IndexedSlices(tf.constant(np.array([2.0, 2.0], "float32")), tf.constant([0, 0]), tf.constant([1]))], [v])
seen = float(keras.ops.convert_to_numpy(optimizer.variables[-1]).ravel()[0])
assert seen == 16.100000381469727, f"v[0] S = {seen}, due 16.100000381469727"
