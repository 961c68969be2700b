import numpy as np, tensorflow as tf
p = tf.Variable(np.array([1.0], "float32"))
p_sum = tf.Variable(tf.fill(p.shape, tf.constant(0.0, p.dtype)))
tf.raw_ops.ResourceApplyAdagradV2(var=p.handle, accum=p_sum.handle, lr=tf.constant(1.0, p.dtype), epsilon=tf.constant(0.5, p.dtype), grad=np.array([3.000000104103097e+19], "float32"))
seen = float(p.numpy().ravel()[0])
assert seen != 1.0, f"p[0] = {seen}, due another number"
