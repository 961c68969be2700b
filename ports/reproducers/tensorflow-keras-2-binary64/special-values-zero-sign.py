import numpy as np, tensorflow as tf, tf_keras as keras

keras.backend.set_floatx("float64")
p = tf.Variable(np.array([1.0], "float64"))
optimizer = keras.optimizers.Adagrad(learning_rate=1.0, weight_decay=0.4, epsilon=0.5)
optimizer.build([p])
optimizer.apply_gradients([(tf.constant(np.array([-0.0], "float64")), p)])
seen = float(p.numpy().ravel()[0])
assert seen == 0.6, f"p[0] = {seen}, due 0.6"
