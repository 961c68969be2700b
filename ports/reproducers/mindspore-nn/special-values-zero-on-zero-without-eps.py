import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
p = Parameter(Tensor(np.array([1.0], "float64")), name='p')
optimizer = nn.Adagrad([p], learning_rate=1.0)
optimizer((Tensor(np.array([0.0], "float64")),))
seen = float(optimizer.accum[0].asnumpy().ravel()[0])
assert seen == 0.1, f"p[0] S = {seen}, due 0.1"
