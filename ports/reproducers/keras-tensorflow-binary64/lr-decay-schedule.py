import os

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras, numpy as np
import tensorflow as tf

keras.backend.set_floatx("float64")
p = keras.Variable(np.array([1.0], "float64"), dtype="float64")
optimizer = keras.optimizers.Adagrad(
    learning_rate=keras.optimizers.schedules.InverseTimeDecay(1.0, 1, 0.5), epsilon=0.5
)
optimizer.build([p])
seen = float(keras.ops.convert_to_numpy(optimizer.variables[-1]).ravel()[0])
assert seen == 0.1, f"p[0] S = {seen}, due 0.1"
