import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
p = Parameter(Tensor(np.array([1.0], "float64")), name='p')
optimizer = optim.Adagrad([p], lr=1.0, initial_accumulator_value=0.5, eps=0.5)
optimizer((Tensor(np.array([2.0], "float64")),))
seen = float(optimizer.accum[0].asnumpy().ravel()[0])
assert seen == 4.5, f"p[0] S = {seen}, due 4.5"
