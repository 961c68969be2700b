"""paddle.optimizer.Adagrad on the CPU.

Documented: the constructor takes the params, and `step()` reads `param.grad`; the rate
is a number or an `LRScheduler` whose `step()` the user calls after that of the
optimizer (`InverseTimeDecay` is lr_decay); weight decay is coupled, and None where it
is off; `state_dict` has the accumulators by name and the scheduler, and is kept with
`paddle.save`.  The scheduler keeps its last rate too; after a load its `step(epoch)`
forms the rate of the loaded count anew, from what the constructor was given.

Paddle numbers params in the order in which they are made.  The numbers begin anew with
each scenario, as they do with each run of a script.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import paddle
from paddle.optimizer import Adagrad
from paddle.optimizer.lr import InverseTimeDecay
from paddle.utils import unique_name

from adagrad_conformance.adapters.arrays import ArrayAdapter, Arrays
from adagrad_conformance.adapters.base import Tensor

__all__ = ["PaddleAdapter"]


@dataclass
class _Port:
    optimizer: Any
    scheduler: Any


class PaddleAdapter(ArrayAdapter):
    """Drives `step()` of the optimizer and of its scheduler."""

    name, version, language = "paddle", paddle.__version__, "Python (PaddlePaddle)"
    dialect = "paddle"
    names = MappingProxyType({"lr": "learning_rate", "eps": "epsilon"})
    claims = ArrayAdapter.PLAIN | {
        *("lr-decay", "weight-decay", "initial-accumulator-value"),
        *("zero-accumulator", "zero-eps"),
        *("save", "load-bytes", "load-deepcopy", "load-same-object"),
        "load-new-process",
    }

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Begin a scenario; the numbers of params begin anew."""
        unique_name.switch()
        super().begin(tensors)

    def make(self, params: Arrays, options: dict[str, Any]) -> Any:
        """The constructor; with decay, the rate is a scheduler."""
        decay, scheduler = options.pop("lr_decay", 0.0), None
        if decay:
            scheduler = InverseTimeDecay(options["learning_rate"], decay)
            options["learning_rate"] = scheduler
        options["weight_decay"] = options.get("weight_decay") or None
        return _Port(Adagrad(parameters=list(params.values()), **options), scheduler)

    def update(self, port: Any, params: Arrays, gradients: Arrays) -> None:
        """The gradients are set, then optimizer and scheduler step."""
        for name, param in params.items():
            param.grad = gradients[name]
        port.optimizer.step()
        if port.scheduler is not None:
            port.scheduler.step()

    def accumulator(self, port: Any, name: str) -> Any:
        """The entry of the state dict that is named after the param."""
        own = f"{self.params[name].name}_moment_"
        for key, moment in port.optimizer.state_dict().items():
            if key.startswith(own):
                return moment
        return None

    def counter(self, port: Any, name: str) -> int | None:
        """The counter of the scheduler, if there is one."""
        return None if port.scheduler is None else int(port.scheduler.last_epoch)

    def state(self, port: Any) -> Any:
        """The state dict."""
        return port.optimizer.state_dict()

    def restore(self, port: Any, state: Any) -> None:
        """A call of set_state_dict; the rate is that of the count that was loaded."""
        port.optimizer.set_state_dict(state)
        if port.scheduler is not None:
            port.scheduler.step(port.scheduler.last_epoch)

    def to_bytes(self, state: Any) -> bytes:
        """The bytes of paddle.save."""
        file = io.BytesIO()
        paddle.save(state, file)
        return file.getvalue()

    def from_bytes(self, raw: bytes) -> Any:
        """The state dict of paddle.load."""
        return paddle.load(io.BytesIO(raw))

    def hold(self, name: str, array: Any) -> Any:
        """A trainable tensor."""
        initial = paddle.nn.initializer.Assign(array)
        dtype = array.dtype.name
        return paddle.create_parameter(
            list(array.shape), dtype, default_initializer=initial
        )

    def give(self, gradient: Any, like: Any) -> Any:
        """A tensor."""
        return paddle.to_tensor(gradient)

    def show(self, param: Any) -> Any:
        """A NumPy array."""
        return param.numpy()
