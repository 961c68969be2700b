import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
p = Parameter(Tensor(np.array([1.0], "float32")), name='p')
optimizer = optim.Adagrad([dict(params=[p], initial_accumulator_value=0.5)], lr=1.0, eps=0.5)
seen = float(optimizer.accum[0].asnumpy().ravel()[0])
assert seen == 0.5, f"p[0] S = {seen}, due 0.5"
