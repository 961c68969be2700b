"""A scenario as a few lines of torch: a reproducer that needs no suite."""

from __future__ import annotations

import math
from collections.abc import Iterator

from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    New,
    OptionValues,
    Save,
    Scenario,
    SetOption,
    SetState,
    Step,
    Tensor,
    ZeroGrad,
)

__all__ = ["torch_snippet"]

_DTYPES = {
    "binary64": "float64",
    "binary32": "float32",
    "bfloat16": "bfloat16",
    "binary16": "float16",
}


def torch_snippet(
    scenario: Scenario, constructor: str = "torch.optim.Adagrad", extra: str = ""
) -> str:
    """Python source that plays the scenario and prints params and state.

    `extra` are further constructor arguments, as ", fused=True".
    """
    fmt = scenario.formats[0] if scenario.formats else "binary64"
    lines = ["import copy, io, math, torch", "inf, nan = math.inf, math.nan"]
    lines.append(
        f"T = lambda v, *s: torch.tensor(v, dtype=torch.{_DTYPES[fmt]}).reshape(s)"
    )
    for name, tensor in scenario.tensors.items():
        lines.append(f"{name} = torch.nn.Parameter({_tensor(tensor)})")
    for event in scenario.events:
        lines += _event(event, constructor, extra)
    lines += [f"print({name}.data)" for name in scenario.tensors]
    last = scenario.events[-1].optimizer
    lines.append(f"print({last}.state_dict()['state'])")
    return "\n".join(lines)


def _event(event: Event, constructor: str, extra: str) -> Iterator[str]:
    who = event.optimizer
    match event:
        case New(groups=groups, options=options):
            listed = ", ".join(_group(group) for group in groups)
            yield f"{who} = {constructor}([{listed}]{_options(options)}{extra})"
        case Step(gradients=gradients, loss=None):
            yield from _gradients(gradients)
            yield f"{who}.step()"
        case Step(gradients=gradients, loss=loss):
            yield "def closure():"
            yield from ("    " + line for line in _gradients(gradients))
            yield f"    return torch.tensor({loss!r})"
            yield f"print({who}.step(closure))"
        case SetOption(group=group, option=option, value=value):
            yield f"{who}.param_groups[{group}][{option!r}] = {value!r}"
        case AddGroup(group=new_group):
            yield f"{who}.add_param_group({_group(new_group)})"
        case ZeroGrad(set_to_none=to_none):
            yield f"{who}.zero_grad(set_to_none={to_none})"
        case Save(name=name):
            yield f"saved_{name} = {who}.state_dict()"
            yield f"copy_{name} = copy.deepcopy(saved_{name})"
        case Load(name=name, via=via):
            source = "saved" if via == "same-object" else "copy"
            yield f"{who}.load_state_dict({source}_{name})"
        case SetState(param=param, state_sum=total, t=t):
            yield f"{who}.state[{param}]['sum'] = {_tensor(total)}"
            yield f"{who}.state[{param}]['step'] = torch.tensor({float(t)})"


def _gradients(gradients: object) -> Iterator[str]:
    assert isinstance(gradients, dict)
    for name, gradient in gradients.items():
        yield f"{name}.grad = {_gradient(gradient)}"


def _gradient(gradient: Gradient) -> str:
    return _tensor(gradient) if isinstance(gradient, Tensor) else "None"


def _group(group: Group) -> str:
    params = ", ".join(group.params)
    return f"dict(params=[{params}]{_options(group.options)})"


def _options(options: OptionValues) -> str:
    return "".join(f", {name}={value!r}" for name, value in options.items())


def _tensor(tensor: Tensor) -> str:
    values = ", ".join(_number(value) for value in tensor.values())
    shape = "".join(f", {extent}" for extent in tensor.shape)
    plain = f"T([{values}]{shape})"
    if not tensor.shape:
        plain = f"T({values})"
    if tensor.layout is None:
        return plain
    layout = tensor.layout
    storage = [layout.guard] * layout.length
    for place, bits in zip(layout.positions(tensor.shape), tensor.bits, strict=True):
        storage[place] = bits
    values = ", ".join(_number(tensor.fmt.decode(bits)) for bits in storage)
    where = f"{tensor.shape}, {layout.strides}, {layout.offset}"
    return f"T([{values}], {layout.length}).as_strided({where})"


def _number(value: float) -> str:
    return "nan" if math.isnan(value) else repr(value)
