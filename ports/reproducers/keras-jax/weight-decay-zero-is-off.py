import os; os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
import keras, numpy as np
keras.backend.set_floatx("float64")
p = keras.Variable(np.array([float("inf")], "float64"), dtype="float64")
optimizer = keras.optimizers.Adagrad(learning_rate=1.0, weight_decay=0.0, epsilon=0.5)
optimizer.build([p])
optimizer.apply([keras.ops.convert_to_tensor(np.array([2.0], "float64"))], [p])
seen = float(keras.ops.convert_to_numpy(p).ravel()[0])
assert seen == float("inf"), f"p[0] = {seen}, due inf"
