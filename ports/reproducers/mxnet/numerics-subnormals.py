import mxnet as mx, numpy as np
mx.util.set_np_shape(True)  # for scalars, and arrays without elements
p = mx.nd.array(np.array([0.0], "float64"), dtype='float64')
updater = mx.optimizer.get_updater(mx.optimizer.AdaGrad(learning_rate=0.5, eps=0.5))
updater(0, mx.nd.array(np.array([2.0], "float64"), dtype='float64'), p)
