import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
p = Parameter(Tensor(np.array([0.0], "float32")), name='p')
optimizer = nn.Adagrad([p], learning_rate=1.0)
optimizer.accum[0].set_data(Tensor(np.array([1.2e-38], "float32")))
optimizer.global_step.set_data(Tensor(np.full((1,), 0, 'i4')))
optimizer((Tensor(np.array([-1.4e-19], "float32")),))
seen = float(p.asnumpy().ravel()[0])
assert 0.787561297416687 <= seen <= 0.7875617742538452, f"p[0] = {seen}, due 0.787561297416687 .. 0.7875617742538452"
