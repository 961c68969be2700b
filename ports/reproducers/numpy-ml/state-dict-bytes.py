import collections, collections.abc, copy, pickle
import numpy as np
collections.Hashable = collections.abc.Hashable  # gone since Python 3.10
from numpy_ml.neural_nets.optimizers import AdaGrad
p0 = np.array([1.0], "float32")
optimizer = AdaGrad(lr=1.0, eps=0.5)
p0 = optimizer.update(p0, np.array([2.0], "float32"), 'p0')
checkpoint = pickle.dumps((optimizer.hyperparameters, optimizer.cache))
optimizer = AdaGrad(lr=1.0, eps=0.5)
optimizer.set_params(*pickle.loads(checkpoint))
assert 'p0' in optimizer.cache, "p0 has no accumulator"
