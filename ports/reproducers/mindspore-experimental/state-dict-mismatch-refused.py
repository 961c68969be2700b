import os, numpy as np
os.environ["MS_JIT"] = "0"  # not compiled
import mindspore
from mindspore import Parameter, Tensor, nn
from mindspore.experimental import optim
p = Parameter(Tensor(np.array([1.0], "float32")), name='p')
q = Parameter(Tensor(np.array([1.0], "float32")), name='q')
optimizer = optim.Adagrad([dict(params=[p]), dict(params=[q])], lr=1.0, eps=0.5)
mindspore.save_checkpoint(optimizer, 'checkpoint.ckpt', choice_func=lambda k: k not in ['p', 'q'])
optimizer = optim.Adagrad([p, q], lr=1.0, eps=0.5)
try: mindspore.load_param_into_net(optimizer, mindspore.load_checkpoint('checkpoint.ckpt'), strict_load=True)
except Exception as error: print('refused, as is due:', error)
else: raise SystemExit('accepted, though another number of groups or params')
