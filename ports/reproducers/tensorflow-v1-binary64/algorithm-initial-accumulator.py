import numpy as np, tensorflow as tf

p = tf.Variable(np.array([1.0], "float64"))
v1 = tf.compat.v1.train
count = tf.Variable(0, dtype=tf.int64)
optimizer = v1.AdagradOptimizer(0.7, initial_accumulator_value=0.5)
optimizer._create_slots([p])
optimizer.apply_gradients(
    [(tf.constant(np.array([2.0], "float64")), p)], global_step=count
)
seen = float(p.numpy().ravel()[0])
assert 0.3400336708925553 <= seen <= 0.3400336708925561, (
    f"p[0] = {seen}, due 0.3400336708925553 .. 0.3400336708925561"
)
