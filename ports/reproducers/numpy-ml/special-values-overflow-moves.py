import collections, collections.abc, copy, pickle
import numpy as np
collections.Hashable = collections.abc.Hashable  # gone since Python 3.10
from numpy_ml.neural_nets.optimizers import AdaGrad
p = np.array([1.0], "float32")
optimizer = AdaGrad(lr=1.0, eps=0.5)
p = optimizer.update(p, np.array([3.000000104103097e+19], "float32"), 'p')
seen = float(p.ravel()[0])
assert seen != 1.0, f"p[0] = {seen}, due another number"
