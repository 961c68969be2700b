import io, numpy as np, paddle
from paddle.optimizer import Adagrad
from paddle.optimizer.lr import InverseTimeDecay
p = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], "float32")
p = paddle.create_parameter(p.shape, 'float32', default_initializer=paddle.nn.initializer.Assign(p))
optimizer = Adagrad(1.0, parameters=[p], epsilon=0.5)
p.grad = paddle.to_tensor(np.array([2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, -6.000000208206194e+19], "float32"))
optimizer.step()
seen = float(p.numpy().ravel()[7])
assert 1.0 <= seen <= 2.000000476837158, f"p[7] = {seen}, due 1.0 .. 2.000000476837158"
