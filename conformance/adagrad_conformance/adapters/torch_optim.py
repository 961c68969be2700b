"""torch.optim.Adagrad in its paths, and any optimizer with the same constructor."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Mapping
from typing import Any

import torch

from .base import (
    CLAIMS,
    Adapter,
    Ask,
    Gradient,
    Group,
    Malformed,
    OptionValues,
    Reading,
    Sparse,
    Tensor,
)

__all__ = ["TorchAdapter", "differentiable", "foreach", "fused", "single"]

_DTYPES = {
    "binary64": (torch.float64, torch.int64, 64),
    "binary32": (torch.float32, torch.int32, 32),
    "bfloat16": (torch.bfloat16, torch.int16, 16),
    "binary16": (torch.float16, torch.int16, 16),
}
_FORMATS = {dtype: name for name, (dtype, _, _) in _DTYPES.items()}

#: Not played yet on the torch ports.
_LATER = {"sparse", "complex"}


class TorchAdapter(Adapter):
    """Drives an optimizer made by `factory(params, **options)`.

    `fixed` are constructor arguments that are always given (foreach=True and so on).
    """

    language = "Python (torch)"

    def __init__(
        self,
        name: str,
        factory: Callable[..., Any],
        fixed: Mapping[str, Any] | None = None,
        without: set[str] | frozenset[str] = frozenset(),
        version: str | None = None,
    ) -> None:
        self.name = name
        self.version = version or torch.__version__
        self.claims = frozenset(CLAIMS) - _LATER - without
        self.factory = factory
        self.fixed = dict(fixed or {})
        self.begin({})

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Hold these params."""
        self.params: dict[str, torch.Tensor] = {}
        self.layouts: dict[str, Tensor] = {}
        self.optimizers: dict[str, Any] = {}
        self.saves: dict[str, tuple[Any, Any, bytes]] = {}
        trainable = not self.fixed.get("differentiable", False)
        for name, tensor in tensors.items():
            data = to_torch(tensor)
            self.params[name] = torch.nn.Parameter(data) if trainable else data
            if tensor.layout:
                self.layouts[name] = tensor

    def new(
        self, optimizer: str, groups: tuple[Group, ...], options: OptionValues
    ) -> None:
        """Construct the optimizer."""
        listed = [self._group(group) for group in groups]
        plain = len(listed) == 1 and not groups[0].options
        params = listed[0]["params"] if plain else listed
        self.optimizers[optimizer] = self.factory(params, **self.fixed, **options)

    def add_group(self, optimizer: str, group: Group) -> None:
        """add_param_group."""
        self.optimizers[optimizer].add_param_group(self._group(group))

    def _group(self, group: Group) -> dict[str, Any]:
        params = [self.params[name] for name in group.params]
        return {"params": params, **group.options}

    def set_gradient(self, param: str, gradient: Gradient) -> None:
        """Assign .grad."""
        if isinstance(gradient, Sparse):
            raise NotImplementedError("sparse")
        self.params[param].grad = None if gradient is None else to_torch(gradient)

    def step(self, optimizer: str) -> None:
        """step()."""
        self.optimizers[optimizer].step()

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """step(closure)."""

        def closure() -> Any:
            if not torch.is_grad_enabled():
                raise Malformed("the closure was called without gradients enabled")
            answer = ask({name: from_torch(p) for name, p in self.params.items()})
            for name, gradient in answer.gradients.items():
                self.set_gradient(name, gradient)
            return torch.tensor(answer.loss, dtype=torch.float64)

        loss = self.optimizers[optimizer].step(closure)
        return None if loss is None else float(loss)

    def set_option(
        self, optimizer: str, group: int, option: str, value: float | bool
    ) -> None:
        """Write into param_groups, as a scheduler does."""
        self.optimizers[optimizer].param_groups[group][option] = value

    def zero_grad(self, optimizer: str, set_to_none: bool) -> None:
        """zero_grad(set_to_none=...)."""
        self.optimizers[optimizer].zero_grad(set_to_none=set_to_none)

    def save(self, optimizer: str, name: str) -> bytes:
        """state_dict() as it is, deeply copied, and through torch.save."""
        state = self.optimizers[optimizer].state_dict()
        buffer = io.BytesIO()
        torch.save(state, buffer)
        self.saves[name] = (state, copy.deepcopy(state), buffer.getvalue())
        return buffer.getvalue()

    def load(self, optimizer: str, name: str, via: str, payload: bytes | None) -> None:
        """load_state_dict."""
        if via == "same-object":
            state = self.saves[name][0]
        elif via == "deepcopy":
            state = copy.deepcopy(self.saves[name][1])
        else:
            raw = payload if payload is not None else self.saves[name][2]
            state = torch.load(io.BytesIO(raw), weights_only=True)
        self.optimizers[optimizer].load_state_dict(state)

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Write into the state of the param, keeping the kind of its counter."""
        state = self.optimizers[optimizer].state[self.params[param]]
        state["sum"] = to_torch(state_sum)
        old = state.get("step")
        state["step"] = old.clone().fill_(t) if isinstance(old, torch.Tensor) else t

    def read(self, optimizer: str) -> dict[str, Reading]:
        """Params, gradients and state as they are."""
        port = self.optimizers[optimizer]
        members = {id(p) for group in port.param_groups for p in group["params"]}
        return {
            name: self._reading(name, p, port.state.get(p, {}))
            for name, p in self.params.items()
            if id(p) in members
        }

    def _reading(self, name: str, p: torch.Tensor, state: Any) -> Reading:
        total, step = state.get("sum"), state.get("step")
        storage = None
        if name in self.layouts:
            length = self.layouts[name].layout.length  # type: ignore[union-attr]
            storage = from_torch(p.detach().as_strided((length,), (1,), 0)).bits
        return Reading(
            from_torch(p),
            None if p.grad is None else from_torch(p.grad),
            None if total is None else from_torch(total),
            None if step is None else _counter(step),
            storage,
        )


def _counter(step: Any) -> int:
    value = step.item() if isinstance(step, torch.Tensor) else step
    if value != int(value):
        raise Malformed(f"the step counter is {value!r}, not a whole number")
    return int(value)


def to_torch(tensor: Tensor) -> torch.Tensor:
    """A tensor of these bits, in the layout asked for."""
    dtype, integers, width = _DTYPES[tensor.format]
    half = 1 << (width - 1)
    if tensor.layout is None:
        signed = [(bits ^ half) - half for bits in tensor.bits]
        return torch.tensor(signed, dtype=integers).view(dtype).reshape(tensor.shape)
    layout = tensor.layout
    storage = [(layout.guard ^ half) - half] * layout.length
    for place, bits in zip(layout.positions(tensor.shape), tensor.bits, strict=True):
        storage[place] = (bits ^ half) - half
    whole = torch.tensor(storage, dtype=integers).view(dtype)
    return whole.as_strided(tensor.shape, layout.strides, layout.offset)


def from_torch(t: torch.Tensor) -> Tensor:
    """The bits of a dense tensor, row-major."""
    if t.dtype not in _FORMATS:
        raise Malformed(f"a tensor has dtype {t.dtype}")
    name = _FORMATS[t.dtype]
    _, integers, width = _DTYPES[name]
    mask = (1 << width) - 1
    flat = t.detach().contiguous().view(integers).flatten().tolist()
    return Tensor(name, tuple(t.shape), tuple(bits & mask for bits in flat))


def _path(name: str, **fixed: bool) -> TorchAdapter:
    return TorchAdapter(f"torch/{name}", torch.optim.Adagrad, fixed)


def single() -> TorchAdapter:
    """torch.optim.Adagrad, one tensor at a time."""
    return _path("single", foreach=False)


def foreach() -> TorchAdapter:
    """torch.optim.Adagrad, all tensors at once."""
    return _path("foreach", foreach=True)


def fused() -> TorchAdapter:
    """torch.optim.Adagrad's fused CPU kernel."""
    return _path("fused", fused=True)


def differentiable() -> TorchAdapter:
    """torch.optim.Adagrad with differentiable=True."""
    return _path("differentiable", differentiable=True)
