import numpy as np, tensorflow as tf, tf_keras as keras

keras.backend.set_floatx("float64")
e = tf.Variable(np.array([1.0], "float64").reshape((1, 1)))
optimizer = keras.optimizers.Adagrad(
    learning_rate=keras.optimizers.schedules.InverseTimeDecay(0.7, 1, 0.5), epsilon=0.5
)
optimizer.build([e])
optimizer.apply_gradients(
    [
        (
            tf.IndexedSlices(
                tf.constant(np.array([2.0], "float64").reshape((1, 1))),
                tf.constant([0]),
                tf.constant([1, 1]),
            ),
            e,
        )
    ]
)
seen = float(e.numpy().ravel()[0])
assert 0.34724663423178026 <= seen <= 0.3472466342317805, (
    f"e[0] = {seen}, due 0.34724663423178026 .. 0.3472466342317805"
)
