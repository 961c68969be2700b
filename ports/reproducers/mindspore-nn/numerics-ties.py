import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
p = Parameter(Tensor(np.array([1.0], "float64")), name='p')
optimizer = nn.Adagrad([p], learning_rate=1.0)
optimizer.accum[0].set_data(Tensor(np.array([2.0], "float64")))
optimizer.global_step.set_data(Tensor(np.full((1,), 0, 'i4')))
optimizer((Tensor(np.array([2.0], "float64")),))
seen = float(p.asnumpy().ravel()[0])
assert 0.18350341907227352 <= seen <= 0.1835034190722744, f"p[0] = {seen}, due 0.18350341907227352 .. 0.1835034190722744"
