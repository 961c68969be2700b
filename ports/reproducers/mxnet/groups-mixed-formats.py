import mxnet as mx, numpy as np
p = mx.nd.array(np.array([1.0], "float32"), dtype='float32')
q = mx.nd.array(np.array([1.0], "float64"), dtype='float64')
updater = mx.optimizer.get_updater(mx.optimizer.AdaGrad(learning_rate=1.0, eps=0.5))
updater(1, mx.nd.array(np.array([2.0], "float64"), dtype='float64'), q)
