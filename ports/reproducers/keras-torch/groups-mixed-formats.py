import os; os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np
p = keras.Variable(np.array([1.0], "float32"), dtype="float32")
keras.backend.set_floatx("float64")
q = keras.Variable(np.array([1.0], "float64"), dtype="float64")
optimizer = keras.optimizers.Adagrad(learning_rate=0.7, epsilon=0.5)
optimizer.build([p, q])
optimizer.apply([keras.ops.convert_to_tensor(np.array([2.0], "float32")), keras.ops.convert_to_tensor(np.array([2.0], "float64"))], [p, q])
seen = float(keras.ops.convert_to_numpy(q).ravel()[0])
assert 0.34724663423178026 <= seen <= 0.3472466342317805, f"q[0] = {seen}, due 0.34724663423178026 .. 0.3472466342317805"
