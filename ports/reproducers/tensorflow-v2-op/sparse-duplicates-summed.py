import numpy as np, tensorflow as tf
v = tf.Variable(np.array([1.0], "float64"))
v_sum = tf.Variable(tf.fill(v.shape, tf.constant(0.0, v.dtype)))
tf.raw_ops.ResourceSparseApplyAdagradV2(var=v.handle, accum=v_sum.handle, lr=tf.constant(1.0, v.dtype), epsilon=tf.constant(0.5, v.dtype), grad=np.array([2.0, 2.0], "float64"), indices=[0, 0])
seen = float(v_sum.numpy().ravel()[0])
assert seen == 16.0, f"v[0] S = {seen}, due 16.0"
