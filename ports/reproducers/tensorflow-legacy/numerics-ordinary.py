import numpy as np, tensorflow as tf
from tf_keras.optimizers.legacy import Adagrad
p = tf.Variable(np.array([1.0], "float32"))
optimizer = Adagrad(learning_rate=1.0, epsilon=0.0)
optimizer._create_all_weights([p])
optimizer.apply_gradients([(tf.constant(np.array([0.5], "float32")), p)])
seen = float(p.numpy().ravel()[0])
assert 0.15484565496444702 <= seen <= 0.15484577417373657, f"p[0] = {seen}, due 0.15484565496444702 .. 0.15484577417373657"
