"""Mutants of sparse gradients and complex params."""

from __future__ import annotations

import torch

from adagrad_conformance.candidates.torch_single import SingleTensorAdagrad


class _Open(SingleTensorAdagrad):
    """The step in parts that a mutant replaces one at a time; it is itself right."""

    def _step_group(self, group, pairs):
        for p, grad in pairs:
            state = self.state[p]
            state["step"] += self.steps(grad)
            rate = self.rate(state["step"], grad, group)
            o = {**group, "rate": rate}
            (self.move_rows if grad.is_sparse else self.move)(p, grad, state["sum"], o)

    def steps(self, grad):
        """How many steps a gradient counts for."""
        return 1

    def rate(self, t, grad, o):
        """The rate of step t."""
        return o["lr"] / (1 + (t - 1) * o["lr_decay"])

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
        if p.is_complex():
            p, g, s = (torch.view_as_real(x) for x in (p, g, s))
        wide = torch.promote_types(p.dtype, torch.float32)
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


def _parts(grad):
    """Indices and rows as they were given."""
    return grad._indices()[0], grad._values()


# -- sparse: the update ----------------------------------------------------------------


class SparseUndecayed(_Open):
    """The sparse path uses lr itself.  It forgets lr_decay."""

    def rate(self, t, grad, o):
        return o["lr"] if grad.is_sparse else super().rate(t, grad, o)


class SparseDescends(_Open):
    """The sparse path ignores maximize."""

    def move_rows(self, p, grad, s, o):
        super().move_rows(p, grad, s, {**o, "maximize": False})


class SparseSorted(_Open):
    """Indices are sorted, and their rows are not.  Alike where they came in order."""

    def summed(self, grad):
        rows, values = _parts(grad)
        if len(rows.unique()) < len(rows):
            return super().summed(grad)
        return rows.sort().values, values


class SparseFirstColumn(_Open):
    """Only the first number of every row moves.  Right for one dimension."""

    def move_rows(self, p, grad, s, o):
        width = p[:1].numel()
        theta, total = p.clone(), s.clone()
        super().move_rows(theta, grad, total, o)
        p.view(-1)[::width] = theta.view(-1)[::width]
        s.view(-1)[::width] = total.view(-1)[::width]


class SparseEndsTheList(_Open):
    """After a sparse bucket the other formats are left out.  Known bug 20."""

    def _step_group(self, group, pairs):
        sparse = [p.dtype for p, grad in pairs if grad.is_sparse][:1]
        kept = [pair for pair in pairs if not sparse or pair[0].dtype == sparse[0]]
        super()._step_group(group, kept)


class SparseNegatesInPlace(_Open):
    """maximize turns the caller's rows, and leaves them so."""

    def move_rows(self, p, grad, s, o):
        if o["maximize"]:
            grad._values().neg_()
        super().move_rows(p, grad, s, {**o, "maximize": False})


class SparseRefusedBesideDecay(_Open):
    """Refuses sparse gradients once any group has weight_decay."""

    def step(self, closure=None):
        groups = self.param_groups
        grads = [p.grad for group in groups for p in group["params"]]
        sparse = any(g is not None and g.is_sparse for g in grads)
        if sparse and any(group["weight_decay"] for group in groups):
            raise RuntimeError("weight_decay cannot be used with a sparse gradient")
        return super().step(closure)


# -- sparse: duplicates ----------------------------------------------------------------


class DuplicatesAveraged(_Open):
    """Rows of one index are averaged.  Known bug 46."""

    def summed(self, grad):
        rows, values = super().summed(grad)
        counts = (_parts(grad)[0] == rows[:, None]).sum(1)
        return rows, values / counts.view(-1, *[1] * (values.dim() - 1))


class DuplicatesOneByOne(_Open):
    """Rows of one index are steps one after the other.  Known bugs 48 and 50."""

    def move_rows(self, p, grad, s, o):
        for row, value in zip(*_parts(grad), strict=True):
            self.move(p[row : row + 1], value[None], s[row : row + 1], o)


class DuplicatesSquaredApart(_Open):
    """The update has the sum, S the squares of its parts.  Known bug 49."""

    def move_rows(self, p, grad, s, o):
        s.index_add_(0, _parts(grad)[0], _parts(grad)[1] ** 2)
        rows, g = self.summed(grad)
        g = -g if o["maximize"] else g
        p[rows] -= o["rate"] * g / self.divisor(s[rows], o)


class DuplicatesLastWins(_Open):
    """Of rows of one index the last is taken, as plain indexing does."""

    def summed(self, grad):
        rows, values = _parts(grad)
        last = {int(row): k for k, row in enumerate(rows)}
        return rows.new_tensor(list(last)), values[list(last.values())]


# -- sparse: absent rows, no rows ------------------------------------------------------


class AbsentForgotten(_Open):
    """S of the rows that are absent starts anew.  Known bug 56."""

    def move_rows(self, p, grad, s, o):
        absent = torch.ones(len(p), dtype=torch.bool)
        absent[_parts(grad)[0]] = False
        s[absent] = 0
        super().move_rows(p, grad, s, o)


class AbsentMoved(_Open):
    """Absent rows drift too, by the root of their S."""

    def move_rows(self, p, grad, s, o):
        absent = torch.ones(len(p), dtype=torch.bool)
        absent[_parts(grad)[0]] = False
        p[absent] -= 2.0**-6 * s[absent].sqrt()
        super().move_rows(p, grad, s, o)


class RowsCountThemselves(_Open):
    """Each row has a rate by its own steps, though the counter is the param's."""

    def move_rows(self, p, grad, s, o):
        counts = self.__dict__.setdefault("counts", {})
        mine = counts.setdefault(id(p), [0] * len(p))
        for row, value in zip(*self.summed(grad), strict=True):
            mine[int(row)] += 1
            rate = self.rate(mine[int(row)], grad, o)
            one = slice(int(row), int(row) + 1)
            self.move(p[one], value[None], s[one], {**o, "rate": rate})


class EmptyIsNone(_Open):
    """A gradient without rows is no step.  t stands."""

    def steps(self, grad):
        return int(not grad.is_sparse or grad._nnz() > 0)


class EmptyRowsCrash(_Open):
    """A gradient without rows is refused where rows have several numbers.  Bug 86."""

    def move_rows(self, p, grad, s, o):
        if grad._nnz() == 0 and p.dim() > 1:
            raise RuntimeError("numel: integer multiplication overflow")
        super().move_rows(p, grad, s, o)


# -- sparse: weight decay --------------------------------------------------------------


class _Unchecked(_Open):
    """Does not look at weight_decay beforehand."""

    def step(self, closure=None):
        decays = [group["weight_decay"] for group in self.param_groups]
        for group in self.param_groups:
            group["weight_decay"] = 0
        self.decays = decays
        try:
            return super().step(closure)
        finally:
            for group, decay in zip(self.param_groups, decays, strict=True):
                group["weight_decay"] = decay

    def _step_group(self, group, pairs):
        number = [g is group for g in self.param_groups].index(True)
        super()._step_group({**group, "weight_decay": self.decays[number]}, pairs)


class SparseDecayed(_Unchecked):
    """weight_decay acts on the rows of a sparse gradient, and on no others."""


class SparseDecayIgnored(_Unchecked):
    """weight_decay is silently left out where the gradient is sparse."""

    def move_rows(self, p, grad, s, o):
        super().move_rows(p, grad, s, {**o, "weight_decay": 0})


class RefusedTooLate(_Unchecked):
    """Refuses weight_decay once it comes to the sparse gradient.  Known bug 13."""

    def move_rows(self, p, grad, s, o):
        if o["weight_decay"]:
            raise RuntimeError("weight_decay cannot be used with a sparse gradient")
        super().move_rows(p, grad, s, o)


class RefusedByGroup(_Unchecked):
    """Refuses weight_decay before a group is moved, but behind the earlier groups."""

    def _step_group(self, group, pairs):
        number = [g is group for g in self.param_groups].index(True)
        if self.decays[number] and any(grad.is_sparse for _, grad in pairs):
            raise RuntimeError("weight_decay cannot be used with a sparse gradient")
        super()._step_group(group, pairs)


# -- complex ---------------------------------------------------------------------------


class _Complex(_Open):
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
    """The imaginary part of a gradient is dropped, as a cast to real does."""

    def used(self, theta, g, o):
        if self.pairs:
            g = g * g.new_tensor([1, 0])
        return super().used(theta, g, o)


class ComplexRowsRealPart(RealPartOnly):
    """The imaginary part of a row is dropped."""

    def move_rows(self, p, grad, s, o):
        self.rows = True
        super().move_rows(p, grad, s, o)
        self.rows = False

    def used(self, theta, g, o):
        rows = getattr(self, "rows", False)
        self.pairs = self.pairs and rows
        return super().used(theta, g, o)


class Conjugated(_Complex):
    """Moves along the conjugate of the gradient."""

    def used(self, theta, g, o):
        if self.pairs:
            g = g * g.new_tensor([1, -1])
        return super().used(theta, g, o)


class TauInRealPart(_Open):
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
    """eps is added to a complex root, so to its real part alone."""

    def divisor(self, s, o):
        eps = s.new_tensor([o["eps"], 0.0]) if self.pairs else o["eps"]
        return s.sqrt() + eps


class SumLosesImaginaryPart(_Open):
    """Loading takes the real part of S."""

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)
        for state in self.state.values():
            if state["sum"].is_complex():
                state["sum"].imag.zero_()


_UPDATE, _SUMMED, _ABSENT = (
    "sparse/update",
    "sparse/duplicates-summed",
    "sparse/absent-rows",
)
_EMPTY, _REFUSED = "sparse/empty", "sparse/weight-decay-refused"
_UNCHANGED = "sparse/refusal-changes-nothing"
_PAIRS, _SPARSE_PAIRS = "complex/pairs", "complex/sparse"

#: Each requirement finds the mutant by itself.
CAUGHT: dict[type, tuple[str, ...]] = {
    SparseUndecayed: (_UPDATE, _ABSENT, _EMPTY),
    SparseDescends: (_UPDATE,),
    SparseSorted: (_UPDATE,),
    SparseFirstColumn: (_UPDATE, _EMPTY),
    SparseEndsTheList: (_UPDATE,),
    SparseNegatesInPlace: (_UPDATE,),
    SparseRefusedBesideDecay: (_UPDATE,),
    DuplicatesAveraged: (_SUMMED,),
    DuplicatesOneByOne: (_SUMMED,),
    DuplicatesSquaredApart: (_SUMMED,),
    DuplicatesLastWins: (_SUMMED,),
    AbsentForgotten: (_ABSENT,),
    AbsentMoved: (_ABSENT,),
    RowsCountThemselves: (_ABSENT,),
    EmptyIsNone: (_EMPTY,),
    EmptyRowsCrash: (_EMPTY,),
    SparseDecayed: (_REFUSED,),
    SparseDecayIgnored: (_REFUSED,),
    RefusedTooLate: (_UNCHANGED,),
    RefusedByGroup: (_UNCHANGED,),
    ModulusSquared: (_PAIRS, _SPARSE_PAIRS),
    ComplexSquared: (_PAIRS, _SPARSE_PAIRS),
    RealPartOnly: (_PAIRS, _SPARSE_PAIRS),
    Conjugated: (_PAIRS, _SPARSE_PAIRS),
    TauInRealPart: (_PAIRS, _SPARSE_PAIRS),
    DecayInRealPart: (_PAIRS,),
    DecayForgottenForPairs: (_PAIRS,),
    EpsInRealPart: (_PAIRS,),
    SumLosesImaginaryPart: (_PAIRS,),
    ComplexRowsSquared: (_SPARSE_PAIRS,),
    ComplexRowsRealPart: (_SPARSE_PAIRS,),
}
