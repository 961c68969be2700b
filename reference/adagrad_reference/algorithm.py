"""One step of Adagrad for one element, exactly as the document writes it.

Source: the documentation of torch.optim.Adagrad and J. Duchi, E. Hazan, Y. Singer,
"Adaptive Subgradient Methods for Online Learning and Stochastic Optimization",
JMLR 12 (2011).  The lines ALG-1 to ALG-9 are listed in reference/README.md with the
rulings where the document is silent or contradicts itself.

All numbers are mpf of one private mpmath context, so that the global `mp.dps` neither
matters nor changes.  At 200 bits a step is exact for every practical purpose;
`rounding.py` makes that a proof.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import mpmath

from .options import Options

__all__ = ["Step", "adagrad_step", "context", "interval_context", "learning_rate"]

#: mpf of a private context; mpmath has no types of its own.
Number = Any
Context = Any


def context(precision: int = 200) -> Context:
    """A private mpmath context of `precision` bits."""
    ctx = type(mpmath.mp)()
    ctx.prec = precision
    return ctx


def interval_context(precision: int) -> Context:
    """A private context whose numbers are intervals, rounded outward.

    `adagrad_step` run on it gives enclosures of the exact step and its intermediates.
    """
    ctx = type(mpmath.iv)()
    ctx.prec = precision
    return ctx


class Step(NamedTuple):
    """Every intermediate of one step, in the document's order."""

    clr: Number  #: gamma~, the decayed learning rate (ALG-4)
    gradient: Number  #: g_t after maximize and weight decay (ALG-9, ALG-5)
    state_sum: Number  #: state_sum_t (ALG-6)
    denominator: Number  #: sqrt(state_sum_t) + epsilon (ALG-7)
    update: Number  #: what is subtracted from theta (ALG-7)
    theta: Number  #: theta_t (ALG-7, returned by ALG-8)


def learning_rate(ctx: Context, t: int, o: Options) -> Number:
    """gamma~ at step t, t = 1, 2, ...: the first step uses lr itself."""
    return ctx.mpf(o.lr) / (1 + (t - 1) * ctx.mpf(o.lr_decay))  # ALG-4


def adagrad_step(
    ctx: Context, theta: Number, g: Number, state_sum: Number, t: int, o: Options
) -> Step:
    """The step from theta_{t-1} and state_sum_{t-1} (tau before the first step).

    `g` is the gradient of f_t at theta_{t-1} (ALG-3); `t` counts the steps of this
    param, those in which it had a gradient.  Infinities and NaN follow IEEE 754.
    """
    clr = learning_rate(ctx, t, o)
    if o.maximize:
        g = -g  # ALG-9
    if o.weight_decay != 0:
        g = g + o.weight_decay * theta  # ALG-5
    state_sum = state_sum + g * g  # ALG-6
    denominator = ctx.sqrt(state_sum) + o.eps  # ALG-7
    update = clr * g / denominator if denominator else _over_zero(ctx, clr * g)
    return Step(clr, g, state_sum, denominator, update, theta - update)  # ALG-7, 8


def _over_zero(ctx: Context, numerator: Number) -> Number:
    """numerator / +0 by IEEE 754, where mpmath raises."""
    return numerator * ctx.inf  # 0 * inf and nan * inf are nan
