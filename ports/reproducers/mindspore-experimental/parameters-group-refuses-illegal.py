import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
q = Parameter(Tensor(np.array([1.0], "float32")), name='q')
try: optimizer = optim.Adagrad([dict(params=[q], lr_decay=float("nan"))])
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though lr_decay=NaN is not >= 0')
