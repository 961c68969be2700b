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
    PLAIN_CLAIMS,
    Ask,
    Gradient,
    Malformed,
    OptionValues,
    Reading,
    Sparse,
    Tensor,
    Trace,
)
from .bases.torch_like import OptimizerAdapter, Snapshot

__all__ = [
    "TorchAdapter",
    "differentiable",
    "evidently_lacks",
    "foreach",
    "from_torch",
    "fused",
    "other_names",
    "single",
    "state_after_one_step",
    "state_by_param",
]

_DTYPES = {
    "binary64": (torch.float64, torch.int64, 64),
    "binary32": (torch.float32, torch.int32, 32),
    "bfloat16": (torch.bfloat16, torch.int16, 16),
    "binary16": (torch.float16, torch.int16, 16),
}
_FORMATS = {dtype: name for name, (dtype, _, _) in _DTYPES.items()}


def state_by_param(optimizer: Any, p: Any) -> Any:
    """The state of a param, where torch has it; empty before there is one."""
    return optimizer.state.get(p, {})


class TorchAdapter(OptimizerAdapter):
    """Drives an optimizer made by `factory(params, **options)`.

    `fixed` are constructor arguments for every optimizer (foreach=True and so on);
    `without` are claims that the port does not make, `also` claims beyond the plain
    ones; `names` are the port's own names of options, and `keys` those of accumulator
    and step counter in the state of a param.  `state_of(optimizer, param)` gives that
    state, a mapping, where it is not `optimizer.state[param]`.  Raises ValueError for
    an unknown claim.
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
        also: set[str] | frozenset[str] = frozenset(),
        state_of: Callable[[Any, Any], Any] = state_by_param,
    ) -> None:
        if unknown := (set(without) | set(also)) - set(CLAIMS):
            known = ", ".join(CLAIMS)
            raise ValueError(f"unknown claims {sorted(unknown)}; known: {known}")
        self.name, self.names, self.keys = name, dict(names or {}), keys
        self.version = version or torch.__version__
        self.claims = (PLAIN_CLAIMS | also) - without
        self.factory, self.state_of = factory, state_of
        self.fixed = dict(fixed or {})

    def begin(self, tensors: Mapping[str, Tensor]) -> None:
        """Make the params; keep the storages of those that are views."""
        super().begin(tensors)
        self.views = {name: self.params[name].detach() for name in tensors}

    def make_optimizer(self, params: list[Any], options: OptionValues) -> Any:
        """Call the factory with the fixed arguments and the options."""
        return self.factory(params, **self.fixed, **options)

    def make_param(self, name: str, tensor: Tensor) -> Any:
        """A Parameter; a plain tensor for a step that is differentiated itself."""
        data = self.make_tensor(tensor)
        if self.fixed.get("differentiable"):
            return data
        return torch.nn.Parameter(data)

    def make_tensor(self, tensor: Tensor) -> Any:
        """A torch tensor with the same bits and layout."""
        dtype, integers, width = _DTYPES[tensor.format]
        half = 1 << (width - 1)

        def native(encodings: list[int]) -> torch.Tensor:
            signed = [(bits ^ half) - half for bits in encodings]
            return torch.tensor(signed, dtype=integers).view(dtype)

        if tensor.complex:  # in binary64 and binary32, and without a layout
            pairs = native(list(tensor.bits)).reshape(*tensor.shape, 2)
            return torch.view_as_complex(pairs)
        if tensor.layout is None:
            return native(list(tensor.bits)).reshape(tensor.shape)
        layout = tensor.layout
        storage = [layout.guard] * layout.length
        for place, bits in zip(
            layout.positions(tensor.shape), tensor.bits, strict=True
        ):
            storage[place] = bits
        return native(storage).as_strided(tensor.shape, layout.strides, layout.offset)

    def make_sum(self, state_sum: Tensor) -> Any:
        """An accumulator in the port's form."""
        return self.make_tensor(state_sum)

    def show_sum(self, param: Any, state: Any) -> Any:
        """The accumulator in a param's state, a number for each element, or None."""
        return state.get(self.keys[0])

    def make_loss(self, loss: float) -> Any:
        """The loss as a scalar tensor."""
        return torch.tensor(loss, dtype=torch.float64)

    def make_rows(self, gradient: Sparse) -> Any:
        """The sparse gradient as a COO tensor with one sparse dimension."""
        rows = torch.tensor([gradient.indices], dtype=torch.int64)
        values = self.make_tensor(gradient.values)
        return torch.sparse_coo_tensor(
            rows, values, gradient.shape, check_invariants=True
        )

    def snapshot(self, name: str, optimizer: Any) -> Snapshot:
        """Copies of param and accumulator, and the counter."""
        p, step = self.params[name], self.keys[1]
        state = self.state_of(optimizer, p)
        total = self.show_sum(p, state)
        if total is None:
            raise Malformed(f"{name} shows no accumulator in the midst of a run")
        counter = _counter(state[step]) if step in state else None
        return p.detach().clone(), total.clone(), counter

    def trace(self, rows: Sequence[Snapshot]) -> Trace:
        """The encodings of all snapshots, converted at once."""
        theta = from_torch(torch.stack([row[0] for row in rows]))
        total = from_torch(torch.stack([row[1] for row in rows]))
        if theta.format != total.format:
            raise Malformed(
                f"the accumulator is {total.format}, the param {theta.format}"
            )
        known = tuple(row[2] for row in rows if row[2] is not None)
        whole = known if len(known) == len(rows) else None
        return Trace(theta.format, theta.bits, total.bits, whole)

    def step_with_closure(self, optimizer: str, ask: Ask) -> float | None:
        """Call step(closure); the closure must run with gradients enabled."""

        def asked(params: Mapping[str, Tensor]) -> Any:
            if not torch.is_grad_enabled():
                raise Malformed("the closure was called without gradients enabled")
            return ask(params)

        return super().step_with_closure(optimizer, asked)

    def show_param(self, param: Any) -> Tensor:
        """The bits of a param."""
        return from_torch(param)

    def set_state(self, optimizer: str, param: str, state_sum: Tensor, t: int) -> None:
        """Write accumulator and counter; the counter keeps its type."""
        total, step = self.keys
        owner, p = self.optimizers[optimizer], self.params[param]
        state = self.state_of(owner, p) or owner.state[p]
        state[total] = self.make_sum(state_sum)
        old = state[step] if step in state else self._counter_of_a_fresh_step()
        state[step] = old.clone().fill_(t) if isinstance(old, torch.Tensor) else t

    def _counter_of_a_fresh_step(self) -> Any:
        """A counter of the type that the port makes, if only at the first step."""
        state = state_after_one_step(lambda params: self.make_optimizer(params, {}))
        return state.get(self.keys[1])

    def reading(self, name: str, optimizer: Any) -> Reading:
        """Param, gradient, state and, for a view, the storage, as encodings."""
        p = self.params[name]
        state = self.state_of(optimizer, p)
        total, step = self.show_sum(p, state), state.get(self.keys[1])
        layout = self.tensors[name].layout
        storage = None
        if layout:
            whole = self.views[name].as_strided((layout.length,), (1,), 0)
            storage = from_torch(whole).bits
        return Reading(
            from_torch(p),
            _gradient(p.grad),
            None if total is None else from_torch(total),
            None if step is None else _counter(step),
            storage,
        )

    def to_bytes(self, state_dict: Any) -> bytes:
        """The state dict through torch.save."""
        buffer = io.BytesIO()
        torch.save(state_dict, buffer)
        return buffer.getvalue()

    def from_bytes(self, raw: bytes) -> Any:
        """The state dict through torch.load of tensors and plain values only."""
        return torch.load(io.BytesIO(raw), weights_only=True)


def evidently_lacks(factory: Callable[..., Any]) -> set[str]:
    """The claims that a torch optimizer cannot make, by its constructor and one step.

    The signature shows the options.  One step shows the state, if it leaves an
    accumulator `sum` (and a counter `step`) in `state[param]`; a port that keeps its
    state elsewhere is judged by its params alone.  Sparse gradients and complex params
    are tried: where a trial raises, the claim is lacking.
    """
    lacking: set[str] = set()
    parameters = inspect.signature(factory).parameters.values()
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        named = {p.name.replace("_", "-") for p in parameters}
        lacking |= ALL_OPTIONS - named
    try:
        state = state_after_one_step(factory)
    except Exception:
        return lacking  # the run reports the exception
    if not isinstance(state.get("sum"), torch.Tensor):
        lacking |= {"state", "state-write"}
    elif "step" not in state:
        lacking.add("state-write")
    return lacking | {claim for claim in _TRIALS if not _takes(factory, claim)}


#: Names that other constructors have for the options.
_OTHER_NAMES = {
    "lr": ("learning_rate", "step_size", "stepsize", "alpha", "eta"),
    "eps": ("epsilon",),
    "lr_decay": ("learning_rate_decay",),
    "weight_decay": ("l2", "weight_decay_rate"),
    "initial_accumulator_value": ("initial_accumulator", "init_accumulator"),
}


def other_names(factory: Callable[..., Any]) -> str | None:
    """Which names of a constructor to map, and how; None where it has the document's.

    A constructor without `lr`, or with an option under another name, would be asked
    nothing about that option.
    """
    parameters = list(inspect.signature(factory).parameters.values())
    if any(p.kind is p.VAR_KEYWORD for p in parameters):
        return None
    has = [p.name for p in parameters]
    found = {
        option: next((name for name in names if name in has), None)
        for option, names in _OTHER_NAMES.items()
        if option not in has
    }
    mapped = ", ".join(f"{o!r}: {n!r}" for o, n in found.items() if n)
    if "lr" in has and not mapped:
        return None
    name = getattr(factory, "__name__", str(factory))
    takes = ", ".join(has[1:]) or "nothing"
    if "lr" not in has and not found["lr"]:
        mapped = ", ".join(filter(None, ("'lr': ...", mapped)))
    return (
        f"{name} takes {takes}: map its names with an adapter, "
        f"TorchAdapter('{name}', {name}, names={{{mapped}}}), as ADAPTERS.md shows"
    )


def _one_row() -> torch.Tensor:
    rows, values = torch.tensor([[1]]), torch.tensor([0.5])
    return torch.sparse_coo_tensor(rows, values, (2,), check_invariants=True).coalesce()


#: For each claim that is tried, a throw-away param and its gradient.
_TRIALS: Mapping[str, Callable[[], tuple[torch.Tensor, torch.Tensor]]] = {
    "sparse": lambda: (torch.ones(2), _one_row()),
    "complex": lambda: (torch.full((2,), 1 + 2j), torch.full((2,), 0.5 - 0.7j)),
}


def _takes(factory: Callable[..., Any], claim: str) -> bool:
    try:
        state_after_one_step(factory, *_TRIALS[claim]())
    except Exception:
        return False
    return True


def state_after_one_step(
    factory: Callable[..., Any],
    p: torch.Tensor | None = None,
    gradient: torch.Tensor | None = None,
) -> Any:
    """`state[param]` of a throw-away param after one step."""
    p = torch.ones(2) if p is None else p
    p.grad = torch.full((2,), 0.5) if gradient is None else gradient
    optimizer = factory([p])
    optimizer.step()
    return optimizer.state.get(p, {})


def _counter(step: Any) -> int:
    value = step.item() if isinstance(step, torch.Tensor) else step
    if value != int(value):
        raise Malformed(f"the step counter is {value!r}, not a whole number")
    return int(value)


def _gradient(grad: torch.Tensor | None) -> Gradient:
    if grad is None or not grad.is_sparse:
        return None if grad is None else from_torch(grad)
    if grad.sparse_dim() != 1:
        raise Malformed(f"a gradient has {grad.sparse_dim()} sparse dimensions, not 1")
    rows = grad.detach()  # public names need a coalesced tensor
    indices = tuple(rows._indices()[0].tolist())
    return Sparse(tuple(grad.shape), indices, from_torch(rows._values()))


def from_torch(t: torch.Tensor) -> Tensor:
    """The bits of a dense tensor, row-major; raises `Malformed` for any other."""
    if t.layout is not torch.strided:
        raise Malformed(f"a tensor is {t.layout}, not dense")
    shape, is_complex, t = tuple(t.shape), t.is_complex(), t.detach()
    if is_complex:
        t = torch.view_as_real(t.resolve_conj().resolve_neg())
    if t.dtype not in _FORMATS:
        raise Malformed(f"a tensor has dtype {t.dtype}")
    name = _FORMATS[t.dtype]
    _, integers, width = _DTYPES[name]
    unsigned = getattr(torch, f"uint{width}", None)  # from torch 2.3 on
    if unsigned is not None:
        return Tensor(name, shape, _encodings(t, unsigned), is_complex)
    mask = (1 << width) - 1
    bits = tuple(bits & mask for bits in _encodings(t, integers))
    return Tensor(name, shape, bits, is_complex)


def _encodings(t: torch.Tensor, integers: Any) -> tuple[int, ...]:
    """The elements as integers of a type of their width, row-major."""
    return tuple(t.contiguous().view(integers).flatten().tolist())


#: The documentation: "the fused implementation does not support sparse or complex
#: gradients".  It names no such limit of the other paths.
_FUSED_LACKS = frozenset({"sparse", "complex"})


def _path(
    name: str, without: frozenset[str] = frozenset(), **fixed: bool
) -> TorchAdapter:
    return TorchAdapter(f"torch/{name}", torch.optim.Adagrad, fixed, without)


def single() -> TorchAdapter:
    """torch.optim.Adagrad with foreach=False: one tensor at a time."""
    return _path("single", foreach=False)


def foreach() -> TorchAdapter:
    """torch.optim.Adagrad with foreach=True: all tensors at once."""
    return _path("foreach", foreach=True)


def fused() -> TorchAdapter:
    """torch.optim.Adagrad with fused=True: the fused CPU kernel."""
    return _path("fused", _FUSED_LACKS, fused=True)


def differentiable() -> TorchAdapter:
    """torch.optim.Adagrad with differentiable=True."""
    return _path("differentiable", differentiable=True)
