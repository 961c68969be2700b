import os; os.environ["KERAS_BACKEND"] = "tensorflow"
import keras, numpy as np
import tensorflow as tf
p = keras.Variable(np.array([float("inf")], "float32"), dtype="float32")
optimizer = keras.optimizers.Adagrad(learning_rate=1.0, weight_decay=0.0, epsilon=0.5)
optimizer.build([p])
optimizer.apply([keras.ops.convert_to_tensor(np.array([2.0], "float32"))], [p])
seen = float(keras.ops.convert_to_numpy(p).ravel()[0])
assert seen == float("inf"), f"p[0] = {seen}, due inf"
