import collections, collections.abc, copy, pickle
import numpy as np
collections.Hashable = collections.abc.Hashable  # gone since Python 3.10
from numpy_ml.neural_nets.optimizers import AdaGrad
p = np.array([1.0], "float32")
optimizer = AdaGrad(lr=1.0, eps=0.5)
optimizer.set_params({'lr': 2.0})
p = optimizer.update(p, np.array([2.0], "float32"), 'p')
seen = float(p.ravel()[0])
assert -0.6000001430511475 <= seen <= -0.5999998450279236, f"p[0] = {seen}, due -0.6000001430511475 .. -0.5999998450279236"
