import numpy as np, tensorflow as tf, tf_keras as keras

keras.backend.set_floatx("float64")
q = tf.Variable(np.array([1.0], "float64"))
optimizer = keras.optimizers.Adagrad(learning_rate=1.0, epsilon=0.5, weight_decay=0.2)
optimizer.build([q])
optimizer.apply_gradients([(tf.constant(np.array([2.0], "float64")), q)])
seen = float(q.numpy().ravel()[0])
assert -0.132504808240314 <= seen <= -0.1325048082403137, (
    f"q[0] = {seen}, due -0.132504808240314 .. -0.1325048082403137"
)
