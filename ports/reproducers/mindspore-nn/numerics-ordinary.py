import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
p = Parameter(Tensor(np.array([1.0], "float32")), name='p')
optimizer = nn.Adagrad([p], learning_rate=1.0)
optimizer.accum[0].set_data(Tensor(np.array([2e-36], "float32")))
optimizer.global_step.set_data(Tensor(np.full((1,), 0, 'i4')))
optimizer((Tensor(np.array([-1e-18], "float32")),))
seen = float(p.asnumpy().ravel()[0])
assert 1.5773500204086304 <= seen <= 1.5773504972457886, f"p[0] = {seen}, due 1.5773500204086304 .. 1.5773504972457886"
