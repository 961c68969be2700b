import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
p = Parameter(Tensor(np.array([1.0], "float32")), name='p')
try: optimizer = optim.Adagrad([p], lr_decay=float("inf"))
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though lr_decay=inf is not finite')
