"""A second optimizer over the same params cannot load the state of the first.

Promise: set_state_dict loads the dict that state_dict gives
    (paddle/optimizer/optimizer.py, Optimizer.state_dict and Optimizer.set_state_dict).
Expected: the second one goes on from moment 4: one more step with gradient 2 takes
    0.1 * 2 / sqrt(8) from the param, which is 0.9 then.
Seen: AssertionError: its accumulator is named create_parameter_0.w_0_moment_1, as the
    names are numbered through the process, and the dict has ..._moment_0.
Install: pip install paddlepaddle==3.3.1 numpy==2.4.6
"""

import sys

import numpy as np
import paddle


class Control:
    """The documented formula; its state is named after the param alone."""

    def __init__(self, learning_rate, parameters):
        self.rate, self.params, self.moments = learning_rate, parameters, {}

    def step(self):
        for p in self.params:
            moment = self.moments.get(p.name, 0.0) + p.grad * p.grad
            self.moments[p.name] = moment
            p.set_value(p - self.rate * p.grad / (paddle.sqrt(moment) + 1e-6))

    def state_dict(self):
        return dict(self.moments)

    def set_state_dict(self, state):
        self.moments = dict(state)


make = Control if "--control" in sys.argv else paddle.optimizer.Adagrad
start = paddle.nn.initializer.Assign(np.array([1.0], np.float32))
param = paddle.create_parameter([1], "float32", default_initializer=start)
first = make(0.1, parameters=[param])
param.grad = paddle.to_tensor(np.array([2.0], np.float32))
first.step()
second = make(0.1, parameters=[param])
try:
    second.set_state_dict(first.state_dict())
    second.step()
    seen = f"{float(param.numpy()[0]):.5f}"
except AssertionError as error:
    seen = f"AssertionError: {error}"
due = f"{0.9 - 0.2 / 8**0.5:.5f}"
if seen != due:
    sys.exit(f"expected {due}, seen {seen}")
