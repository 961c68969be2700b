import numpy as np, tensorflow as tf

p = tf.Variable(np.array([0.0], "float64"))
v1 = tf.compat.v1.train
count = tf.Variable(0, dtype=tf.int64)
optimizer = v1.AdagradOptimizer(0.7)
optimizer._create_slots([p])
optimizer.apply_gradients(
    [(tf.constant(np.array([2.0], "float64")), p)], global_step=count
)
seen = float(p.numpy().ravel()[0])
assert -0.6914107176547131 <= seen <= -0.6914107176547123, (
    f"p[0] = {seen}, due -0.6914107176547131 .. -0.6914107176547123"
)
