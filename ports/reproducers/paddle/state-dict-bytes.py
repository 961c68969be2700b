import io, numpy as np, paddle
from paddle.optimizer import Adagrad
from paddle.optimizer.lr import InverseTimeDecay
p0 = np.array([1.0], "float32")
p0 = paddle.create_parameter(p0.shape, 'float32', default_initializer=paddle.nn.initializer.Assign(p0))
optimizer = Adagrad(1.0, parameters=[p0], epsilon=0.5)
p0.grad = paddle.to_tensor(np.array([2.0], "float32"))
optimizer.step()
checkpoint = io.BytesIO(); paddle.save(optimizer.state_dict(), checkpoint)
optimizer = Adagrad(1.0, parameters=[p0], epsilon=0.5)
optimizer.set_state_dict(paddle.load(io.BytesIO(checkpoint.getvalue())))
p0.grad = paddle.to_tensor(np.array([2.0], "float32"))
optimizer.step()
