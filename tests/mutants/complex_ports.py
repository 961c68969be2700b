"""Mutants of complex params."""

from __future__ import annotations

import torch
from open_port import Open

KIND = "complex"


class _Complex(Open):
    """Knows whether the numbers are pairs."""

    def move(self, p, g, s, o):
        self.pairs = p.is_complex()
        super().move(p, g, s, o)


class ModulusSquared(_Complex):
    """S gains |g|^2 in both parts.  The dialect of optax."""

    def squared(self, g):
        return (g * g).sum(-1, keepdim=True).expand_as(g) if self.pairs else g * g


class ComplexSquared(_Complex):
    """S gains g^2 as a complex number; theta moves by pairs.  Known bug 54."""

    def squared(self, g):
        if not self.pairs:
            return g * g
        return torch.view_as_real(torch.view_as_complex(g.contiguous()) ** 2)


class ComplexRowsSquared(ComplexSquared):
    """S gains g^2 as a complex number where g is sparse.  Known bug 14."""

    def move_rows(self, p, grad, s, o):
        self.rows = True
        super().move_rows(p, grad, s, o)
        self.rows = False

    def squared(self, g):
        return super().squared(g) if getattr(self, "rows", False) else g * g


class RealPartOnly(_Complex):
    """The imaginary part of a gradient is dropped, as a cast to real does.

    Phases never learn.
    """

    def used(self, theta, g, o):
        if self.pairs:
            g = g * g.new_tensor([1, 0])
        return super().used(theta, g, o)


class ComplexRowsRealPart(RealPartOnly):
    """The imaginary part of a row is dropped.

    Phases of complex embeddings never learn.
    """

    def move_rows(self, p, grad, s, o):
        self.rows = True
        super().move_rows(p, grad, s, o)
        self.rows = False

    def used(self, theta, g, o):
        rows = getattr(self, "rows", False)
        self.pairs = self.pairs and rows
        return super().used(theta, g, o)


class Conjugated(_Complex):
    """Moves along the conjugate of the gradient.

    Training ascends along the imaginary axis.
    """

    def used(self, theta, g, o):
        if self.pairs:
            g = g * g.new_tensor([1, -1])
        return super().used(theta, g, o)


class TauInRealPart(Open):
    """S starts at tau + 0j.  Known bug 19."""

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.is_complex():
                self.state[p]["sum"].imag.zero_()


class DecayInRealPart(_Complex):
    """weight_decay acts on the real part alone.  Of the kind of known bug 21."""

    def used(self, theta, g, o):
        if self.pairs:
            theta = theta * theta.new_tensor([1, 0])
        return super().used(theta, g, o)


class DecayForgottenForPairs(_Complex):
    """weight_decay is left out where the param is complex.  Known bug 21."""

    def used(self, theta, g, o):
        decay = 0 if self.pairs else o["weight_decay"]
        return super().used(theta, g, {**o, "weight_decay": decay})


class EpsInRealPart(_Complex):
    """eps is added to a complex root, so to its real part alone.

    A zero imaginary part becomes NaN.
    """

    def divisor(self, s, o):
        eps = s.new_tensor([o["eps"], 0.0]) if self.pairs else o["eps"]
        return s.sqrt() + eps


class SumLosesImaginaryPart(Open):
    """Loading takes the real part of S.

    After a resume imaginary parts take huge steps.
    """

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            if state["sum"].is_complex():
                state["sum"].imag.zero_()


PAIRS = "complex/pairs"
SPARSE_PAIRS = "complex/sparse"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    ModulusSquared: (PAIRS, SPARSE_PAIRS),
    ComplexSquared: (PAIRS, SPARSE_PAIRS),
    RealPartOnly: (PAIRS, SPARSE_PAIRS),
    Conjugated: (PAIRS, SPARSE_PAIRS),
    TauInRealPart: (PAIRS, SPARSE_PAIRS),
    DecayInRealPart: (PAIRS,),
    DecayForgottenForPairs: (PAIRS,),
    EpsInRealPart: (PAIRS,),
    SumLosesImaginaryPart: (PAIRS,),
    ComplexRowsSquared: (SPARSE_PAIRS,),
    ComplexRowsRealPart: (SPARSE_PAIRS,),
}
