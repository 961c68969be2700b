import numpy as np, tensorflow as tf, tf_keras as keras

keras.backend.set_floatx("float64")
p = tf.Variable(np.array([1.0], "float64"))
optimizer = keras.optimizers.Adagrad(
    learning_rate=1.0, weight_decay=3.1, initial_accumulator_value=0.5, epsilon=0.5
)
optimizer.build([p])
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float64")), p)])
seen = float(p.numpy().ravel()[0])
assert -2.9944271909999163 <= seen <= -2.994427190999916, (
    f"p[0] = {seen}, due -2.9944271909999163 .. -2.994427190999916"
)
