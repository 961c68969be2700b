import os; os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np
p3 = keras.Variable(np.array([0.0], "float32"), dtype='float32')
optimizer = keras.optimizers.Adagrad(learning_rate=1.0, epsilon=0.5)
optimizer.build([p3])
optimizer.variables[-1].assign(np.array([2.0], "float32"))
optimizer.iterations.assign(2147483648)
