import io, numpy as np, paddle
from paddle.optimizer import Adagrad
from paddle.optimizer.lr import InverseTimeDecay
p = np.array([float("inf")], "float64")
p = paddle.create_parameter(p.shape, 'float64', default_initializer=paddle.nn.initializer.Assign(p))
optimizer = Adagrad(1.0, parameters=[p], weight_decay=0.0, epsilon=0.5)
p.grad = paddle.to_tensor(np.array([2.0], "float64"))
optimizer.step()
seen = float(next(v for k, v in optimizer.state_dict().items() if k.startswith(p.name + '_moment')).numpy().ravel()[0])
assert seen == 4.0, f"p[0] S = {seen}, due 4.0"
