import numpy as np, tensorflow as tf
from tf_keras.optimizers.legacy import Adagrad

p = tf.Variable(np.array([1.0], "float64"))
optimizer = Adagrad()
optimizer._create_all_weights([p])
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float64")), p)])
seen = float(p.numpy().ravel()[0])
assert seen == 0.9990122704521309, f"p[0] = {seen}, due 0.9990122704521309"
