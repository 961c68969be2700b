import numpy as np, tensorflow as tf
from tf_keras.optimizers.legacy import Adagrad

p = tf.Variable(np.array([1.0], "float64"))
optimizer = Adagrad(learning_rate=0.7, epsilon=0.5)
optimizer._create_all_weights([p])
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float64")), p)])
seen = float(p.numpy().ravel()[0])
assert 0.4455106643157605 <= seen <= 0.4455106643157606, (
    f"p[0] = {seen}, due 0.4455106643157605 .. 0.4455106643157606"
)
