import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
p = Parameter(Tensor(np.array([1.0], "float32")), name='p')
q = Parameter(Tensor(np.array([1.0], "float32")), name='q')
optimizer = optim.Adagrad([p], lr=1.0, eps=0.5)
optimizer.add_param_group(dict(params=[q]))
optimizer((Tensor(np.array([2.0], "float32")), Tensor(np.array([2.0], "float32")),))
assert len(optimizer.accum) > 1, "q has no accumulator"
