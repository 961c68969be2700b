"""The torch port with its joints open, sparse rows and complex pairs included."""

from __future__ import annotations

import torch

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad


class Open(SingleTensorAdagrad):
    """The step in parts that a mutant replaces one at a time; it is itself right."""

    def _step_group(self, group, pairs):
        for p, grad in pairs:
            if grad.is_sparse and grad.sparse_dim() > 1:
                grad = grad.to_dense()  # mutants are of rows
            state = self.state[p]
            state["step"] += self.steps(grad)
            wide = torch.promote_types(p.dtype, state["sum"].dtype)
            state["sum"] = state["sum"].to(wide)
            numbers = {name: float(group[name]) for name in ("eps", "weight_decay")}
            rate = float(self.rate(state["step"], grad, group))
            o = {**group, **numbers, "rate": rate}
            (self.move_rows if grad.is_sparse else self.move)(p, grad, state["sum"], o)

    def steps(self, grad):
        """How many steps a gradient counts for."""
        return 1

    def rate(self, t, grad, o):
        """The rate of step t."""
        return float(o["lr"]) / (1 + (t - 1) * float(o["lr_decay"]))

    def move_rows(self, p, grad, s, o):
        """The rows of a sparse gradient, written back."""
        rows, values = self.summed(grad)
        theta, total = p[rows], s[rows]
        self.move(theta, values, total, o)
        p[rows], s[rows] = theta, total

    def summed(self, grad):
        """Each index once, and its row."""
        grad = grad.coalesce()
        return grad.indices()[0], grad.values()

    def move(self, p, g, s, o):
        """Dense tensors, in place."""
        g = g.resolve_conj().resolve_neg()
        if p.is_complex():
            p, g, s = (torch.view_as_real(x) for x in (p, g, s))
        wide = torch.promote_types(torch.promote_types(p.dtype, s.dtype), torch.float32)
        theta, total = self.formula(*(x.to(wide) for x in (p, g, s)), o)
        p.copy_(theta)
        s.copy_(total)

    def formula(self, theta, g, s, o):
        """theta' and S' of reals; the last axis is the pair of a complex param."""
        g = self.used(theta, g, o)
        s = s + self.squared(g)
        return theta - o["rate"] * g / self.divisor(s, o), s

    def used(self, theta, g, o):
        """The gradient that is used."""
        g = -g if o["maximize"] else g
        return g + o["weight_decay"] * theta if o["weight_decay"] else g

    def squared(self, g):
        """What S gains."""
        return g * g

    def divisor(self, s, o):
        """What the gradient is divided by."""
        return s.sqrt() + o["eps"]


def parts(grad):
    """Indices and rows as they were given."""
    return grad._indices()[0], grad._values()
