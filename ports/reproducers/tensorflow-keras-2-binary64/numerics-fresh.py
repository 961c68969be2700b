import numpy as np, tensorflow as tf, tf_keras as keras

keras.backend.set_floatx("float64")
p = tf.Variable(np.array([1.0], "float64"))
optimizer = keras.optimizers.Adagrad(learning_rate=1.0, epsilon=0.5, weight_decay=0.05)
optimizer.build([p])
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float64")), p)])
seen = float(p.numpy().ravel()[0])
assert 0.01749519175968603 <= seen <= 0.01749519175968628, (
    f"p[0] = {seen}, due 0.01749519175968603 .. 0.01749519175968628"
)
