import collections, collections.abc, copy, pickle
import numpy as np
collections.Hashable = collections.abc.Hashable  # gone since Python 3.10
from numpy_ml.neural_nets.optimizers import AdaGrad
p = np.array([1.0], "float32")
optimizer = AdaGrad(lr=1.0, eps=0.5)
p = optimizer.update(p, np.array([2.0], "float32"), 'p')
kept = pickle.dumps((optimizer.hyperparameters, optimizer.cache))
optimizer = AdaGrad(lr=1.0, eps=0.5)
optimizer.set_params(*pickle.loads(kept))
assert 'p' in optimizer.cache, "p has no accumulator"
