import numpy as np
import mlx.core as mx
from mlx.optimizers import Adagrad
from mlx.utils import tree_flatten, tree_unflatten
mx.set_default_device(mx.cpu); params = {}
params['p'] = mx.array(np.array([1.0], "float64"), mx.float64)
optimizer = Adagrad(1.0, eps=0.5)
params |= optimizer.apply_gradients({'p': mx.array(np.array([2.0], "float64"), mx.float64)}, params)
mx.save_safetensors('kept.safetensors', dict(tree_flatten(optimizer.state)))
