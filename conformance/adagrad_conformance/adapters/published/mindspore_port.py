"""mindspore.experimental.optim.Adagrad and mindspore.nn.Adagrad on the CPU.

Documented: an optimizer is called with a tuple of gradients, one for each of its
params.  Its state is kept with `save_checkpoint`, where `choice_func` leaves out the
params of the network and the rates, which are the constructor's, and comes back by
`load_param_into_net`; without `strict_load` that takes `accum.p` for an absent `p`.

MS_JIT=0 is MindSpore's own switch: the step is run line by line.  Compiling it for each
new optimizer would take longer than whole scenarios.
"""

from __future__ import annotations

import os
import tempfile
from abc import abstractmethod
from pathlib import Path
from types import MappingProxyType
from typing import Any

os.environ |= {"MS_JIT": "0", "GLOG_v": "4"}

import mindspore
import numpy as np
from mindspore import Parameter, nn
from mindspore.experimental import optim

from adagrad_conformance.adapters.base import (
    Gradient,
    Group,
    OptionValues,
    Reading,
    Tensor,
)
from adagrad_conformance.adapters.bases.encodings import to_array, to_tensor
from adagrad_conformance.adapters.bases.torch_like import OptimizerAdapter

__all__ = ["ExperimentalAdapter", "NnAdapter"]


class _MindSporeAdapter(OptimizerAdapter):
    """What both optimizers have in common."""

    version, language = mindspore.__version__, "Python (MindSpore)"

    gradients: dict[str, Gradient]

    @abstractmethod
    def counter(self, optimizer: Any) -> int:
        """The steps that the optimizer has taken."""

    def make_param(self, name: str, tensor: Tensor) -> Any:
        """A Parameter."""
        self.gradients = {**getattr(self, "gradients", {}), name: None}
        return Parameter(self.make_tensor(tensor), name=name)

    def make_tensor(self, tensor: Tensor) -> Any:
        """A Tensor."""
        return mindspore.Tensor(to_array(tensor))

    def show_param(self, param: Any) -> Tensor:
        """The param, bit for bit."""
        return to_tensor(param.asnumpy())

    def set_gradient(self, param: str, gradient: Gradient) -> None:
        """Keep a gradient for the next call of the optimizer."""
        self.gradients[param] = gradient

    def step(self, optimizer: str) -> float | None:
        """A call of the optimizer with all gradients."""
        port = self.optimizers[optimizer]
        given = [self.gradients[name] for name in self.order(port)]
        port(tuple(None if g is None else self.make_gradient(g) for g in given))
        return None

    def order(self, port: Any) -> list[str]:
        """The names of the params, in the order of the gradients."""
        names = {id(param): name for name, param in self.params.items()}
        return [names[id(param)] for param in port.parameters]

    def reading(self, name: str, optimizer: Any) -> Reading:
        """Param, gradient, accumulator and counter."""
        order = self.order(optimizer)
        place = order.index(name)
        total = optimizer.accum[place] if place < len(optimizer.accum) else None
        return Reading(
            self.show_param(self.params[name]),
            self.gradients[name],
            None if total is None else self.show_param(total),
            self.counter(optimizer),
        )

    def save(self, optimizer: str, name: str) -> bytes:
        """A checkpoint without the params and the rates."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "state.ckpt")
            mindspore.save_checkpoint(
                self.optimizers[optimizer],
                str(file),
                choice_func=lambda key: (
                    key not in self.params and not key.startswith("learning_rate")
                ),
            )
            raw = file.read_bytes()
        self.saves[name] = (None, None, raw)
        return raw

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """Calls of load_checkpoint and load_param_into_net."""
        raw = self.saves[name][2] if payload is None else payload
        port, state = self.optimizers[optimizer], self.from_bytes(raw)
        mindspore.load_param_into_net(port, state, strict_load=True)

    def to_bytes(self, state_dict: Any) -> bytes:
        """Left out: `save` writes the bytes."""
        raise NotImplementedError

    def from_bytes(self, raw: bytes) -> Any:
        """The state of load_checkpoint."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "state.ckpt")
            file.write_bytes(raw)
            return mindspore.load_checkpoint(str(file))


class ExperimentalAdapter(_MindSporeAdapter):
    """Groups as in torch; options are those of the document.

    Its kernel is documented for float16 and float32, so binary64 is not claimed.
    """

    name, dialect = "mindspore/experimental", "mindspore"
    claims = frozenset(
        [
            *("binary32", "binary16", "mixed-formats", "flush-to-zero"),
            *("needs-elements", "eps"),
            *("lr-decay", "weight-decay", "maximize", "defaults"),
            *("initial-accumulator-value", "zero-accumulator"),
            *("gradients", "groups", "add-group", "set-option"),
            *("state", "state-write", "save", "load-bytes", "load-new-process"),
        ]
    )

    def make_optimizer(self, params: list[Any], options: OptionValues) -> Any:
        """The constructor."""
        return optim.Adagrad(params, **options)

    def counter(self, optimizer: Any) -> int:
        """The parameter step_t."""
        return int(optimizer.step_t.asnumpy())

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """The data of the accumulator and of the counter."""
        port = self.optimizers[optimizer]
        place = self.order(port).index(param)
        port.accum[place].set_data(self.make_tensor(state_sum))
        port.step_t.set_data(mindspore.Tensor(t, mindspore.int32))


class NnAdapter(_MindSporeAdapter):
    """One group; eps stands in the documented formula and is no option.

    The documentation adds it to the root and does not say how large it is; 1e-8 is the
    number in the kernel.
    """

    name, dialect = "mindspore/nn", "mindspore-nn"
    names = MappingProxyType(
        {"lr": "learning_rate", "initial_accumulator_value": "accum"}
    )
    constants = MappingProxyType({"eps": 1e-8, "lr_decay": 0.0})
    claims = frozenset(
        [
            *("binary64", "binary32", "binary16", "mixed-formats", "flush-to-zero"),
            *(
                "needs-elements",
                "weight-decay",
                "initial-accumulator-value",
                "zero-accumulator",
            ),
            *("gradients", "zero-lr", "state", "state-write"),
            *("save", "load-bytes", "load-new-process"),
        ]
    )

    def new(
        self, optimizer: str, groups: tuple[Group, ...], options: OptionValues
    ) -> None:
        """Make the optimizer; options of the only group come before defaults."""
        (group,) = groups
        chosen = self._named({**options, **group.options})
        params = [self.params[name] for name in group.params]
        self.optimizers[optimizer] = self.make_optimizer(params, chosen)

    def make_optimizer(self, params: list[Any], options: OptionValues) -> Any:
        """The constructor."""
        return nn.Adagrad(params, **options)

    def counter(self, optimizer: Any) -> int:
        """The parameter global_step."""
        return int(optimizer.global_step.asnumpy().item())

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """The data of the accumulator and of the counter."""
        port = self.optimizers[optimizer]
        place = self.order(port).index(param)
        port.accum[place].set_data(self.make_tensor(state_sum))
        port.global_step.set_data(mindspore.Tensor(np.array([t]), mindspore.int32))

    def _members(self, port: Any) -> list[str]:
        return self.order(port)
