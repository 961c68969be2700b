import mxnet as mx, numpy as np
p = mx.nd.array(np.array([1.0], "float16"), dtype='float16')
updater = mx.optimizer.get_updater(mx.optimizer.AdaGrad(learning_rate=1.0, eps=0.5))
updater(0, mx.nd.array(np.array([2.0], "float16"), dtype='float16'), p)
