"""Sixteen wrong ports, as a person writes them, of which a diagnosis once misled.

Each is a torch optimizer that does one thing wrong (one does two), and nothing else; a
sparse gradient takes a way of its own, which is right but for what all ways share.
"""

from __future__ import annotations

import torch


class Right(torch.optim.Optimizer):
    """The document, element by element."""

    def __init__(
        self,
        params,
        lr=0.01,
        lr_decay=0,
        weight_decay=0,
        initial_accumulator_value=0,
        eps=1e-10,
        *,
        maximize=False,
    ):
        numbers = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
        }
        for name, value in numbers.items():
            if not value >= 0:
                raise ValueError(f"{name} is {value}")
        super().__init__(params, {**numbers, "maximize": maximize})
        for group in self.param_groups:
            self.start(group)
        self.made = True

    def start(self, group):
        """The state of a group's params."""
        tau = group["initial_accumulator_value"]
        for p in group["params"]:
            first = complex(tau, tau) if p.is_complex() else tau
            self.state[p]["step"] = torch.tensor(0.0)
            self.state[p]["sum"] = torch.full_like(p, first)

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        if hasattr(self, "made"):
            self.start(self.param_groups[-1])

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if (gradient := self.given(p)) is not None:
                    self.take(group, p, gradient)
        return loss

    def given(self, p):
        """The gradient that is used, None where there is none."""
        return p.grad

    def take(self, group, p, g):
        """One param's step."""
        state = self.state[p]
        state["step"] += 1
        t = state["step"].item()
        if g.is_sparse:
            self.take_rows(group, p, g, state, t)
            return
        if group["maximize"]:
            g = -g
        if group["weight_decay"]:
            g = g.add(p, alpha=group["weight_decay"])
        total, theta = state["sum"], p
        if p.is_complex():
            g, total, theta = map(torch.view_as_real, (g, total, theta))
        self.formula(group, theta, g, total, t)

    def take_rows(self, group, p, g, state, t):
        """The step of a sparse gradient."""
        if group["weight_decay"]:
            raise RuntimeError("weight decay with a sparse gradient")
        g = (-g if group["maximize"] else g).coalesce()
        if not g.values().numel():
            return
        rate = group["lr"] / (1 + (t - 1) * group["lr_decay"])

        def rows(values):
            return torch.sparse_coo_tensor(g.indices(), values, g.size())

        state["sum"].add_(rows(g.values() ** 2))
        root = state["sum"].sparse_mask(g).values().sqrt() + group["eps"]
        p.add_(rows(g.values() / root), alpha=-rate)

    def rate(self, group, t):
        """ALG-4."""
        return group["lr"] / (1 + (t - 1) * group["lr_decay"])

    def formula(self, group, theta, g, total, t):
        """ALG-6 and ALG-7."""
        total.add_(g * g)
        theta.add_(g / (total.sqrt() + group["eps"]), alpha=-self.rate(group, t))


class NoneIsZero(Right):
    """A None gradient is a zero one, and stays None."""

    def given(self, p):
        return torch.zeros_like(p) if p.grad is None else p.grad


class LoadResetsSum(Right):
    """Loading sets S to 0."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            state["sum"].zero_()


class SumByShape(Right):
    """Params of the same shape share S."""

    def start(self, group):
        super().start(group)
        self.by_shape = getattr(self, "by_shape", {})
        for p in group["params"]:
            key = (tuple(p.shape), p.dtype)
            self.state[p]["sum"] = self.by_shape.setdefault(key, self.state[p]["sum"])


class EpsInsideFromZero(Right):
    """eps is inside the root, and t counts from 0."""

    def formula(self, group, theta, g, total, t):
        total.add_(g * g)
        rate = group["lr"] / (1 + t * group["lr_decay"])
        theta.add_(g / (total + group["eps"]).sqrt(), alpha=-rate)


class OwnDecayIgnored(Right):
    """A group's own weight decay is ignored."""

    def take(self, group, p, g):
        decay = self.defaults["weight_decay"]
        super().take({**group, "weight_decay": decay}, p, g)


class Capped(Right):
    """t is at most 50 where the rate decays."""

    def rate(self, group, t):
        return super().rate(group, min(t, 50))


class RateRounded(Right):
    """lr has six decimals."""

    def rate(self, group, t):
        return super().rate({**group, "lr": round(group["lr"], 6)}, t)


class ComplexSquared(Right):
    """A complex gradient is squared as a complex number."""

    def take(self, group, p, g):
        if not p.is_complex() or g.is_sparse:
            super().take(group, p, g)
            return
        state = self.state[p]
        state["step"] += 1
        if group["maximize"]:
            g = -g
        g = g + group["weight_decay"] * p if group["weight_decay"] else g
        state["sum"].add_(g * g)
        root = state["sum"].sqrt() + group["eps"]
        p.sub_(self.rate(group, state["step"].item()) * g / root)


class TailSkipped(Right):
    """What lies past the last full block of 256 is skipped."""

    def formula(self, group, theta, g, total, t):
        whole = theta.numel() // 256 * 256
        if theta.numel() <= 256:
            super().formula(group, theta, g, total, t)
            return
        new_total, new_theta = total.clone(), theta.clone()
        super().formula(group, new_theta, g, new_total, t)
        inside = (torch.arange(theta.numel()) < whole).reshape(theta.shape)
        total.copy_(torch.where(inside, new_total, total))
        theta.copy_(torch.where(inside, new_theta, theta))


class ScaledSum(Right):
    """S sums (lr g)^2."""

    def formula(self, group, theta, g, total, t):
        total.add_((group["lr"] * g) ** 2)
        theta.add_(g / (total.sqrt() + group["eps"]), alpha=-self.rate(group, t))


class VectorsAtRateOne(Right):
    """Params of one dimension have the rate 1."""

    def formula(self, group, theta, g, total, t):
        total.add_(g * g)
        rate = 1.0 if theta.dim() == 1 else self.rate(group, t)
        theta.add_(g / (total.sqrt() + group["eps"]), alpha=-rate)


class SavingCounts(Right):
    """Saving a fresh optimizer counts a step."""

    def state_dict(self):
        for state in self.state.values():
            if not state["step"]:
                state["step"] += 1
        return super().state_dict()


class RunningMean(Right):
    """S is the running mean of the squares."""

    def formula(self, group, theta, g, total, t):
        total.add_((g * g - total) / t)
        theta.add_(g / (total.sqrt() + group["eps"]), alpha=-self.rate(group, t))


class UpdateTwice(Right):
    """The update is subtracted twice."""

    def formula(self, group, theta, g, total, t):
        total.add_(g * g)
        update = g / (total.sqrt() + group["eps"]) * self.rate(group, t)
        theta.sub_(update).sub_(update)


class EpsFixed(Right):
    """eps is 1e-8, whatever is asked."""

    def formula(self, group, theta, g, total, t):
        super().formula({**group, "eps": 1e-8}, theta, g, total, t)


class RootTwice(Right):
    """The update is divided by the root twice."""

    def formula(self, group, theta, g, total, t):
        total.add_(g * g)
        root = total.sqrt() + group["eps"]
        theta.sub_(g / root / root * self.rate(group, t))
