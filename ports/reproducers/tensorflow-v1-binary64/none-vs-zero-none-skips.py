import numpy as np, tensorflow as tf

p = tf.Variable(np.array([1.0], "float64"))
q = tf.Variable(np.array([1.0], "float64"))
v1 = tf.compat.v1.train
count = tf.Variable(0, dtype=tf.int64)
optimizer = v1.AdagradOptimizer(0.7)
optimizer._create_slots([p, q])
optimizer.apply_gradients(
    [(None, p), (tf.constant(np.array([2.0], "float64")), q)], global_step=count
)
seen = float(q.numpy().ravel()[0])
assert 0.30858928234528693 <= seen <= 0.3085892823452877, (
    f"q[0] = {seen}, due 0.30858928234528693 .. 0.3085892823452877"
)
