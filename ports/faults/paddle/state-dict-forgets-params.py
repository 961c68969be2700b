"""After a load and a step, state_dict leaves out the params that had no gradient.

Promise: state_dict has all the tensors that the optimizer uses
    (paddle/optimizer/optimizer.py, Optimizer.state_dict).
Expected: two moments before the load, and two after a further step of p alone.
Seen: two before and one after; what is saved then has lost the moment of q.
Install: pip install paddlepaddle==3.3.1 numpy==2.4.6
"""

import sys

import numpy as np
import paddle
from paddle.utils import unique_name


class Control:
    """The documented formula; its state is named after the param alone."""

    def __init__(self, learning_rate, parameters):
        self.rate, self.params, self.moments = learning_rate, parameters, {}

    def step(self):
        for p in self.params:
            if p.grad is not None:
                moment = self.moments.get(p.name, 0.0) + p.grad * p.grad
                self.moments[p.name] = moment
                p.set_value(p - self.rate * p.grad / (paddle.sqrt(moment) + 1e-6))

    def state_dict(self):
        return dict(self.moments)

    def set_state_dict(self, state):
        self.moments = dict(state)


make = Control if "--control" in sys.argv else paddle.optimizer.Adagrad
start = paddle.nn.initializer.Assign(np.array([1.0], np.float32))


def program():
    """The params and the optimizer, named as in a new process."""
    unique_name.switch()
    p, q = (
        paddle.create_parameter([1], "float32", default_initializer=start)
        for _ in range(2)
    )
    return p, q, make(0.1, parameters=[p, q])


def step(optimizer, *given):
    """A step in which these params, and no others, have gradients of 2."""
    for param in (p, q):
        has = any(param is each for each in given)
        param.grad = paddle.to_tensor(np.array([2.0], np.float32)) if has else None
    optimizer.step()


p, q, optimizer = program()
step(optimizer, p, q)
saved = optimizer.state_dict()
p, q, optimizer = program()
optimizer.set_state_dict(saved)
step(optimizer, p)
seen = len(saved), len(optimizer.state_dict())
if seen != (2, 2):
    sys.exit(f"expected (2, 2) moments, seen {seen}")
