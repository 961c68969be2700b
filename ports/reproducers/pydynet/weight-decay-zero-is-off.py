import numpy as np
from pydynet import Tensor
from pydynet.nn import Parameter
from pydynet.optim import Adagrad
p = np.array([float("inf")], "float64")
p = Parameter(Tensor(p, dtype=p.dtype))
optimizer = Adagrad([p], weight_decay=0.0, lr=1.0, eps=0.5)
p.grad = np.array([2.0], "float64")
optimizer.step()
seen = float(optimizer.G[0].ravel()[0])
assert seen == 4.0, f"p[0] S = {seen}, due 4.0"
