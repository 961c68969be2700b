import numpy as np
import mlx.core as mx
from mlx.optimizers import Adagrad
from mlx.utils import tree_flatten, tree_unflatten
mx.set_default_device(mx.cpu); params = {}
params['q'] = mx.array(np.array([1.0], "float32"), mx.float32)
optimizer = Adagrad(1.0, eps=0.5)
params |= optimizer.apply_gradients({}, params)
params |= optimizer.apply_gradients({'q': mx.array(np.array([2.0], "float32"), mx.float32)}, params)
