import numpy as np, tensorflow as tf, tf_keras as keras
p = tf.Variable(np.array([float("inf")], "float32"))
optimizer = keras.optimizers.Adagrad(learning_rate=1.0, weight_decay=0.0, epsilon=0.5)
optimizer.build([p])
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float32")), p)])
seen = float(p.numpy().ravel()[0])
assert seen == float("inf"), f"p[0] = {seen}, due inf"
