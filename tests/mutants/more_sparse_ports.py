"""Mutants of sparse or complex numbers that meet another feature."""

from __future__ import annotations

import torch
from open_port import Open

KIND = "sparse"


class ComplexTauOfAdded(Open):
    """In an added group S of a complex param starts at tau + 0j.

    The spectral layer that is unfrozen later overshoots in one part.
    """

    kind = "complex"

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            if p.is_complex() and "started" in self.__dict__:
                self.state[p]["sum"].imag.zero_()

    def step(self, closure=None):
        self.started = True
        return super().step(closure)


class ComplexLayoutMisread(Open):
    """The imaginary parts of a transposed complex gradient are read in memory order.

    A Fourier layer with transposed weights mixes its frequencies.
    """

    kind = "complex"

    def move(self, p, g, s, o):
        if g.is_complex() and g.dim() == 2 and not g.is_contiguous():
            lying = g.imag.t().reshape(g.shape)
            g = torch.complex(g.real.contiguous(), lying.contiguous())
        super().move(p, g, s, o)


class ComplexDecayMaximized(Open):
    """With maximize the imaginary part of a complex param decays the wrong way.

    Two signs meet and one of them is taken for a conjugation.
    """

    kind = "complex"

    def move(self, p, g, s, o):
        self.pairs = p.is_complex()
        super().move(p, g, s, o)

    def used(self, theta, g, o):
        used = super().used(theta, g, o)
        if self.pairs and o["maximize"] and o["weight_decay"]:
            used = used.clone()
            used[..., 1] -= 2 * o["weight_decay"] * theta[..., 1]
        return used


class ComplexRowsMaximized(Open):
    """With maximize only the real parts of complex rows are turned.

    Negation is written for pairs, and rows come in another shape.
    """

    kind = "complex"

    def move_rows(self, p, grad, s, o):
        self.rows = True
        super().move_rows(p, grad, s, o)
        self.rows = False

    def move(self, p, g, s, o):
        if getattr(self, "rows", False) and g.is_complex() and o["maximize"]:
            g = g.conj().resolve_conj()
        super().move(p, g, s, o)


class DenseBetweenSparse(Open):
    """After a sparse step a dense one moves only the rows that were seen before.

    A loss that regularises the whole embedding now and then does not.
    """

    kind = "sparse"

    def move_rows(self, p, grad, s, o):
        seen = self.__dict__.setdefault("seen", {})
        rows = seen.setdefault(p, torch.zeros(len(p), dtype=torch.bool))
        rows[grad.coalesce().indices()[0]] = True
        self.inner = True
        super().move_rows(p, grad, s, o)
        self.inner = False

    def move(self, p, g, s, o):
        rows = None if getattr(self, "inner", False) else self.seen_of(p)
        before = p.detach().clone(), s.clone()
        super().move(p, g, s, o)
        if rows is not None:
            p[~rows], s[~rows] = before[0][~rows], before[1][~rows]

    def seen_of(self, p):
        return self.__dict__.get("seen", {}).get(p) if p.dim() else None


class RowsOfFirstGroup(Open):
    """Sparse gradients in later groups step with the first group's lr.

    Embeddings in a group of their own learn at the rate of the rest.
    """

    kind = "sparse"

    def rate(self, t, grad, o):
        lr = self.param_groups[0]["lr"] if grad.is_sparse else o["lr"]
        return super().rate(t, grad, {**o, "lr": lr})


class RowsAtRateZero(Open):
    """With lr = 0 rows are not accumulated, while dense gradients are.

    A warm-up from zero loses the history of the embeddings.
    """

    kind = "sparse"

    def move_rows(self, p, grad, s, o):
        if o["rate"]:
            super().move_rows(p, grad, s, o)


class LateRowsStartAtZero(Open):
    """A row that is first seen after step 1 starts at S = 0, whatever tau is.

    Rare words overshoot when they come.
    """

    kind = "sparse"

    def move_rows(self, p, grad, s, o):
        seen = self.__dict__.setdefault("seen", {})
        rows = seen.setdefault(p, torch.zeros(len(p), dtype=torch.bool))
        new = torch.zeros_like(rows)
        new[grad.coalesce().indices()[0]] = True
        if self.state[p]["step"] > 1:
            s[new & ~rows] = 0
        rows |= new
        super().move_rows(p, grad, s, o)


class RowsOfTransposed(Open):
    """In a transposed param the rows of a sparse gradient are taken for columns.

    Tied embeddings, square by chance, move in the wrong direction of the matrix.
    """

    kind = "sparse"

    def move_rows(self, p, grad, s, o):
        if p.dim() == 2 and p.shape[0] == p.shape[1] and not p.is_contiguous():
            p, s = p.t(), s.t()
        super().move_rows(p, grad, s, o)


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    ComplexTauOfAdded: ("numerics/meetings",),
    ComplexDecayMaximized: ("complex/pairs",),
    DenseBetweenSparse: ("sparse/update",),
    RowsOfFirstGroup: ("numerics/meetings",),
    RowsAtRateZero: ("numerics/meetings",),
    LateRowsStartAtZero: ("sparse/update",),
    RowsOfTransposed: ("numerics/meetings",),
}

#: Mutants that no check of the suite finds, and why.
ALIVE: dict[type, str] = {
    ComplexLayoutMisread: ("A scenario cannot lay out a complex gradient."),
    ComplexRowsMaximized: ("No complex rows of a sparse gradient meet maximize."),
}
