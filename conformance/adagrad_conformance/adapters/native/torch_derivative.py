"""torch: the derivative of a step, in cases where it is an exact number.

With t = 1, theta' = theta - lr g' / (sqrt(S + g'^2) + eps) and g' = g + wd theta.  In
the cases below S + g'^2 = 16 and sqrt + eps = 8.  Every quotient of a derivation, in
any order, then has a few binary digits: no evaluation rounds, and all legal ports give
the same bits.
"""

from __future__ import annotations

from typing import Any

import torch

from adagrad_conformance.adapters.contract import NativeAnswer
from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_reference.dialects import DIALECTS, DOCUMENT

from .torch_kit import arguments, named, own_name, refusal

__all__ = ["differentiable"]

_LR = 0.5

#: d = sqrt(S_1) + eps; by g: -lr (1 / d - g^2 / (sqrt(S_1) d^2)) with g = 2.
_BY_GRADIENT = -_LR * (1 / 8 - 4 / (4 * 64))

#: By theta: 1 + wd times the derivative by g.
_DECAY = 0.25
_BY_THETA = 1 + _DECAY * _BY_GRADIENT

#: Through S: g_1 = 1 in a step with lr = 0, then g_2 = 2: lr g_2 g_1 / (sqrt(S_2) d^2).
_THROUGH_SUM = _LR * 2 * 1 / (4 * 64)


class _Refused(Exception):
    """The port refuses `differentiable` together with its other arguments."""


def differentiable(adapter: TorchAdapter) -> NativeAnswer:
    """Derivatives of the new theta by the gradient, by theta, and by an earlier one."""
    if own_name(adapter, "differentiable") not in arguments(adapter):
        return NativeAnswer(skipped="its constructor has no differentiable")
    needed = {"eps", "initial-accumulator-value"}
    if not needed <= adapter.claims:
        return NativeAnswer(skipped=f"it does not claim {', '.join(sorted(needed))}")
    cases = [("gradient", _by_gradient, _BY_GRADIENT)]
    coupled = DIALECTS[adapter.dialect].decay == DOCUMENT.decay
    if "weight-decay" in adapter.claims and coupled:
        cases.append(("theta", _by_theta, _BY_THETA))
    cases.append(("an earlier gradient", _through_sum, _THROUGH_SUM))
    for what, derivative, due in cases:
        try:
            shown = derivative(adapter)
        except _Refused as refused:
            reason = f"differentiable=True is refused: {refused}"
            if derivative is _by_gradient:
                return NativeAnswer(skipped=reason)
            return NativeAnswer(reason)
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            return NativeAnswer(f"the step has no derivative by {what}: {reason}")
        if shown is None or shown.tolist() != [due] * len(shown):
            said = "None" if shown is None else shown.tolist()
            return NativeAnswer(f"the derivative by {what} is {said}, not {due}")
    return NativeAnswer()


def _optimizer(
    adapter: TorchAdapter, p: torch.Tensor, tau: float, decay: float = 0.0
) -> Any:
    options = {"lr": _LR, "initial_accumulator_value": tau, "eps": 4.0}
    if decay:
        options["weight_decay"] = decay
    flag = {own_name(adapter, "differentiable"): True}
    fixed = {**adapter.fixed, **flag, **named(adapter, options)}
    ports: list[Any] = []
    if said := refusal(adapter, lambda: ports.append(adapter.factory([p], **fixed))):
        raise _Refused(said)
    return ports[0]


def _step(port: Any) -> None:
    """Take a step; foreach=True refuses to be differentiated here, not before."""
    try:
        port.step()
    except AssertionError as error:
        raise _Refused(error) from None


def _derivative(p: torch.Tensor, by: torch.Tensor) -> torch.Tensor | None:
    (found,) = torch.autograd.grad(p.sum(), by, allow_unused=True)
    return found


def _by_gradient(adapter: TorchAdapter) -> torch.Tensor | None:
    p = torch.tensor([3.0, 7.0, -5.0], dtype=torch.float32)
    g = torch.tensor([2.0, -2.0, 2.0], dtype=torch.float32, requires_grad=True)
    port = _optimizer(adapter, p, tau=12.0)
    p.grad = g
    _step(port)
    return _derivative(p, g)


def _by_theta(adapter: TorchAdapter) -> torch.Tensor | None:
    leaf = torch.tensor([4.0, -4.0], dtype=torch.float32, requires_grad=True)
    p = leaf.clone()
    port = _optimizer(adapter, p, tau=12.0, decay=_DECAY)
    p.grad = torch.tensor([1.0, -1.0], dtype=torch.float32)  # with decay: 2 and -2
    _step(port)
    return _derivative(p, leaf)


def _through_sum(adapter: TorchAdapter) -> torch.Tensor | None:
    p = torch.tensor([3.0, 7.0], dtype=torch.float32)
    first = torch.tensor([1.0, 1.0], dtype=torch.float32, requires_grad=True)
    port = _optimizer(adapter, p, tau=11.0)
    rate = own_name(adapter, "lr")
    port.param_groups[0][rate] = 0.0  # so that the root of step 1 has no part in this
    p.grad = first
    _step(port)
    port.param_groups[0][rate] = _LR
    p.grad = torch.tensor([2.0, 2.0], dtype=torch.float32)
    _step(port)
    return _derivative(p, first)
