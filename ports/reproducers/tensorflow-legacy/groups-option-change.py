import numpy as np, tensorflow as tf
from tf_keras.optimizers.legacy import Adagrad
p = tf.Variable(np.array([1.0], "float32"))
optimizer = Adagrad(learning_rate=1.0, epsilon=0.5)
optimizer._create_all_weights([p])
optimizer.learning_rate = 1.0
optimizer.decay = 0.5
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float32")), p)])
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float32")), p)])
seen = float(p.numpy().ravel()[0])
assert -0.19060751795768738 <= seen <= -0.19060732424259186, f"p[0] = {seen}, due -0.19060751795768738 .. -0.19060732424259186"
