import pickle
import numpy as np, pennylane as qml
p = qml.numpy.array(np.array([1.0], "float32"), requires_grad=True)
optimizer = qml.AdagradOptimizer()
[p] = optimizer.apply_grad([np.array([2.0], "float32")], [p])
seen = float(np.asarray(p).ravel()[0])
assert 0.8999999761581421 <= seen <= 0.9000000357627869, f"p[0] = {seen}, due 0.8999999761581421 .. 0.9000000357627869"
