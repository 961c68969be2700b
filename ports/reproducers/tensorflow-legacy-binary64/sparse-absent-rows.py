import numpy as np, tensorflow as tf
from tf_keras.optimizers.legacy import Adagrad

v = tf.Variable(np.array([1.0], "float64"))
optimizer = Adagrad(learning_rate=0.7, epsilon=0.5)
optimizer._create_all_weights([v])
optimizer.apply_gradients(
    [
        (
            tf.IndexedSlices(
                tf.constant(np.array([2.0], "float64")),
                tf.constant([0]),
                tf.constant([1]),
            ),
            v,
        )
    ]
)
seen = float(v.numpy().ravel()[0])
assert 0.4455106643157605 <= seen <= 0.4455106643157606, (
    f"v[0] = {seen}, due 0.4455106643157605 .. 0.4455106643157606"
)
