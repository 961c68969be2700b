import numpy as np, tensorflow as tf
from tf_keras.optimizers.legacy import Adagrad
p = tf.Variable(np.array([2.0], "float32"))
optimizer = Adagrad(learning_rate=1.0, epsilon=0.0)
optimizer._create_all_weights([p])
optimizer.apply_gradients([(tf.constant(np.array([0.5], "float32")), p)])
seen = float(p.numpy().ravel()[0])
assert 1.1548455953598022 <= seen <= 1.1548458337783813, f"p[0] = {seen}, due 1.1548455953598022 .. 1.1548458337783813"
