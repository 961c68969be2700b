import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
p = Parameter(Tensor(np.array([], "float32")), name='p')
optimizer = nn.Adagrad([p], learning_rate=1.0)
