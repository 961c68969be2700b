import numpy as np, tensorflow as tf
from tf_keras.optimizers.legacy import Adagrad

p = tf.Variable(np.array([1.0], "float64"))
q = tf.Variable(np.array([1.0], "float64"))
optimizer = Adagrad(learning_rate=0.7, epsilon=0.5)
optimizer._create_all_weights([p, q])
optimizer.apply_gradients([(None, p), (tf.constant(np.array([2.0], "float64")), q)])
seen = float(q.numpy().ravel()[0])
assert 0.4455106643157605 <= seen <= 0.4455106643157606, (
    f"q[0] = {seen}, due 0.4455106643157605 .. 0.4455106643157606"
)
