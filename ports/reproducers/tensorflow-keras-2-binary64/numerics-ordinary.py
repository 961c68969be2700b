import numpy as np, tensorflow as tf, tf_keras as keras

keras.backend.set_floatx("float64")
p = tf.Variable(np.array([1.0], "float64"))
optimizer = keras.optimizers.Adagrad(
    learning_rate=keras.optimizers.schedules.InverseTimeDecay(0.7, 1, 0.5), epsilon=0.0
)
optimizer.build([p])
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float64")), p)])
seen = float(p.numpy().ravel()[0])
assert 0.3085892823452872 <= seen <= 0.30858928234528743, (
    f"p[0] = {seen}, due 0.3085892823452872 .. 0.30858928234528743"
)
