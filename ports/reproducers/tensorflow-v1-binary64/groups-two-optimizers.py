import numpy as np, tensorflow as tf

p0 = tf.Variable(np.array([1.0], "float64"))
v1 = tf.compat.v1.train
count = tf.Variable(0, dtype=tf.int64)
optimizer = v1.AdagradOptimizer(0.7)
optimizer._create_slots([p0])
optimizer.apply_gradients(
    [(tf.constant(np.array([2.0], "float64")), p0)], global_step=count
)
seen = float(p0.numpy().ravel()[0])
assert 0.30858928234528693 <= seen <= 0.3085892823452877, (
    f"p0[0] = {seen}, due 0.30858928234528693 .. 0.3085892823452877"
)
