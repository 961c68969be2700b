"""torch.optim.Adagrad in its paths, and any optimizer with the same constructor."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from .base import (
    ALL_OPTIONS,
    CLAIMS,
    Ask,
    Gradient,
    Malformed,
    OptionValues,
    Reading,
    Tensor,
    Trace,
)
from .optimizer import OptimizerAdapter

__all__ = [
    "TorchAdapter",
    "differentiable",
    "evidently_lacks",
    "foreach",
    "from_torch",
    "fused",
    "single",
    "state_after_one_step",
]

_DTYPES = {
    "binary64": (torch.float64, torch.int64, 64),
    "binary32": (torch.float32, torch.int32, 32),
    "bfloat16": (torch.bfloat16, torch.int16, 16),
    "binary16": (torch.float16, torch.int16, 16),
}
_FORMATS = {dtype: name for name, (dtype, _, _) in _DTYPES.items()}

#: Not played yet on the torch ports.
_LATER = {"sparse", "complex"}


class TorchAdapter(OptimizerAdapter):
    """Drives an optimizer made by `factory(params, **options)`.

    `fixed` are constructor arguments that are always given (foreach=True and so on);
    `without` are the claims that the port does not make; `names` are its own names of
    options, and `keys` those of accumulator and step counter in `state[param]`.
    Raises ValueError for an unknown claim.
    """

    language = "Python (torch)"

    def __init__(
        self,
        name: str,
        factory: Callable[..., Any],
        fixed: Mapping[str, Any] | None = None,
        without: set[str] | frozenset[str] = frozenset(),
        version: str | None = None,
        names: Mapping[str, str] | None = None,
        keys: tuple[str, str] = ("sum", "step"),
    ) -> None:
        if unknown := set(without) - set(CLAIMS):
            known = ", ".join(CLAIMS)
            raise ValueError(f"unknown claims {sorted(unknown)}; known: {known}")
        self.name, self.names, self.keys = name, dict(names or {}), keys
        self.version = version or torch.__version__
        self.claims = frozenset(CLAIMS) - _LATER - without
        self.factory = factory
        self.fixed = dict(fixed or {})

    def make_optimizer(self, params: list[Any], options: OptionValues) -> Any:
        """Construct."""
        return self.factory(params, **self.fixed, **options)

    def make_param(self, name: str, tensor: Tensor) -> Any:
        """A Parameter; a plain tensor where the step itself is differentiated."""
        data = self.make_tensor(tensor)
        if self.fixed.get("differentiable"):
            return data
        return torch.nn.Parameter(data)

    def make_tensor(self, tensor: Tensor) -> Any:
        """A tensor of these bits, in the layout asked for."""
        dtype, integers, width = _DTYPES[tensor.format]
        half = 1 << (width - 1)

        def native(encodings: list[int]) -> torch.Tensor:
            signed = [(bits ^ half) - half for bits in encodings]
            return torch.tensor(signed, dtype=integers).view(dtype)

        if tensor.layout is None:
            return native(list(tensor.bits)).reshape(tensor.shape)
        layout = tensor.layout
        storage = [layout.guard] * layout.length
        for place, bits in zip(
            layout.positions(tensor.shape), tensor.bits, strict=True
        ):
            storage[place] = bits
        return native(storage).as_strided(tensor.shape, layout.strides, layout.offset)

    def make_loss(self, loss: float) -> Any:
        """A scalar tensor."""
        return torch.tensor(loss, dtype=torch.float64)

    def many_steps(
        self, optimizer: str, cycle: Sequence[Mapping[str, Gradient]], count: int
    ) -> dict[str, Trace]:
        """Take the steps; states are copied as they pass and looked at in the end."""
        port, (total, step) = self.optimizers[optimizer], self.keys
        members = [p for group in port.param_groups for p in group["params"]]
        names = [n for n, p in self.params.items() if any(p is m for m in members)]
        native = [
            {n: None if g is None else self.make_gradient(g) for n, g in gs.items()}
            for gs in cycle
        ]
        seen: dict[str, list[Any]] = {name: [] for name in names}
        for number in range(count):
            for name, gradient in native[number % len(native)].items():
                self.params[name].grad = gradient
            port.step()
            for name in names:
                p = self.params[name]
                state = port.state[p]
                counter = _counter(state[step]) if step in state else None
                seen[name].append((p.detach().clone(), state[total].clone(), counter))
        return {name: _trace(rows) for name, rows in seen.items() if rows}

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """step(closure), whose closure must be called with gradients enabled."""

        def asked(params: Mapping[str, Tensor]) -> Any:
            if not torch.is_grad_enabled():
                raise Malformed("the closure was called without gradients enabled")
            return ask(params)

        return super().step_with_closure(optimizer, asked)

    def show_param(self, param: Any) -> Tensor:
        """The bits of a param."""
        return from_torch(param)

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Write into the state of the param, keeping the kind of its counter."""
        total, step = self.keys
        state = self.optimizers[optimizer].state[self.params[param]]
        state[total] = self.make_tensor(state_sum)
        old = state.get(step, self._counter_of_a_fresh_step())
        state[step] = old.clone().fill_(t) if isinstance(old, torch.Tensor) else t

    def _counter_of_a_fresh_step(self) -> Any:
        """A counter as the port makes it; state may be made at the first step only."""
        state = state_after_one_step(lambda params: self.make_optimizer(params, {}))
        return state.get(self.keys[1])

    def reading(self, name: str, optimizer: Any) -> Reading:
        """Param, gradient and state as they are."""
        p = self.params[name]
        state = optimizer.state.get(p, {})
        total, step = (state.get(key) for key in self.keys)
        layout = self.tensors[name].layout
        storage = None
        if layout:
            storage = from_torch(p.detach().as_strided((layout.length,), (1,), 0)).bits
        return Reading(
            from_torch(p),
            None if p.grad is None else from_torch(p.grad),
            None if total is None else from_torch(total),
            None if step is None else _counter(step),
            storage,
        )

    def to_bytes(self, state_dict: Any) -> bytes:
        """torch.save."""
        buffer = io.BytesIO()
        torch.save(state_dict, buffer)
        return buffer.getvalue()

    def from_bytes(self, raw: bytes) -> Any:
        """torch.load, which takes nothing but tensors and plain values here."""
        return torch.load(io.BytesIO(raw), weights_only=True)


def evidently_lacks(factory: Callable[..., Any]) -> set[str]:
    """The claims that a torch optimizer cannot make, by its constructor and its state.

    Options are looked for in the signature; the state is shown if one step leaves an
    accumulator `sum` (and a counter `step`) in `state[param]`.  A port that keeps its
    state elsewhere is judged by its params alone.
    """
    lacking: set[str] = set()
    parameters = inspect.signature(factory).parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        named = {p.name.replace("_", "-") for p in parameters}
        lacking |= ALL_OPTIONS - named
    try:
        state = state_after_one_step(factory)
    except Exception:
        return lacking  # the run will say so, with its reason
    if not isinstance(state.get("sum"), torch.Tensor):
        return lacking | {"state", "state-write"}
    return lacking if "step" in state else lacking | {"state-write"}


def state_after_one_step(factory: Callable[..., Any]) -> Any:
    """`state[param]` of a throw-away param that has stepped once."""
    p = torch.ones(2)
    p.grad = torch.full((2,), 0.5)
    optimizer = factory([p])
    optimizer.step()
    return optimizer.state.get(p, {})


def _trace(rows: list[tuple[torch.Tensor, torch.Tensor, int | None]]) -> Trace:
    theta = from_torch(torch.stack([row[0] for row in rows]))
    total = from_torch(torch.stack([row[1] for row in rows]))
    if theta.format != total.format:
        raise Malformed(f"the accumulator is {total.format}, the param {theta.format}")
    counters = [row[2] for row in rows]
    known = tuple(t for t in counters if t is not None)
    whole = known if len(known) == len(counters) else None
    return Trace(theta.format, theta.bits, total.bits, whole)


def _counter(step: Any) -> int:
    value = step.item() if isinstance(step, torch.Tensor) else step
    if value != int(value):
        raise Malformed(f"the step counter is {value!r}, not a whole number")
    return int(value)


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
