"""Torch optimizers of another dialect, complete and right in it."""

from __future__ import annotations

import torch


class Decoupled(torch.optim.Optimizer):
    """Eps inside the root, weight decay apart from the gradient."""

    def __init__(
        self,
        params,
        lr=0.01,
        lr_decay=0.0,
        weight_decay=0.0,
        initial_accumulator_value=0.0,
        eps=1e-10,
        maximize=False,
    ):
        options = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
        }
        if not all(value >= 0 for value in options.values()):
            raise ValueError(f"negative or NaN: {options}")
        super().__init__(params, {**options, "maximize": maximize})

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            tau = group["initial_accumulator_value"]
            start = complex(tau, tau) if p.is_complex() else tau
            self.state[p] = {
                "step": torch.tensor(0.0),
                "sum": torch.full_like(p, start),
            }

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self.move(p, group)
        return loss

    def move(self, p, group):
        state = self.state[p]
        state["step"] += 1
        clr = group["lr"] / (1 + (state["step"].item() - 1) * group["lr_decay"])
        parts = (p, p.grad, state["sum"])
        theta, g, s = (torch.view_as_real(x) if p.is_complex() else x for x in parts)
        g = -g if group["maximize"] else g
        if group["weight_decay"] != 0:
            theta.mul_(1 - clr * group["weight_decay"])
        s.addcmul_(g, g)
        theta.addcdiv_(g, (s + group["eps"]).sqrt(), value=-clr)
