import numpy as np, tensorflow as tf
from tf_keras.optimizers.legacy import Adagrad
p = tf.Variable(np.array([1.0], "float64"))
optimizer = Adagrad(learning_rate=1.0, epsilon=0.5)
optimizer._create_all_weights([p])
optimizer.learning_rate = 1.0
optimizer.decay = 0.5
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float64")), p)])
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float64")), p)])
seen = float(p.numpy().ravel()[0])
assert -0.1906074345761698 <= seen <= -0.19060743457616952, f"p[0] = {seen}, due -0.1906074345761698 .. -0.19060743457616952"
