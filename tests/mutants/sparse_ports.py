"""Mutants of sparse gradients."""

from __future__ import annotations

import torch
from open_port import Open, parts

KIND = "sparse"


# -- sparse: the update ----------------------------------------------------------------


class SparseUndecayed(Open):
    """The sparse path uses lr itself.  It forgets lr_decay."""

    def rate(self, t, grad, o):
        return o["lr"] if grad.is_sparse else super().rate(t, grad, o)


class SparseDescends(Open):
    """The sparse path ignores maximize.

    Embeddings walk away from the reward that the dense layers seek.
    """

    def move_rows(self, p, grad, s, o):
        super().move_rows(p, grad, s, {**o, "maximize": False})


class SparseSorted(Open):
    """Indices are sorted, and their rows are not.  Alike where they came in order."""

    def summed(self, grad):
        rows, values = parts(grad)
        if len(rows.unique()) < len(rows):
            return super().summed(grad)
        return rows.sort().values, values


class SparseFirstColumn(Open):
    """Only the first number of every row moves.  Right for one dimension."""

    def move_rows(self, p, grad, s, o):
        width = p[:1].numel()
        theta, total = p.clone(), s.clone()
        super().move_rows(theta, grad, total, o)
        p.view(-1)[::width] = theta.view(-1)[::width]
        s.view(-1)[::width] = total.view(-1)[::width]


class SparseEndsTheList(Open):
    """After a sparse bucket the other formats are left out.  Known bug 20."""

    def _step_group(self, group, pairs):
        sparse = [p.dtype for p, grad in pairs if grad.is_sparse][:1]
        kept = [pair for pair in pairs if not sparse or pair[0].dtype == sparse[0]]
        super()._step_group(group, kept)


class SparseNegatesInPlace(Open):
    """maximize turns the caller's rows, and leaves them so.

    A gradient that is used again has the wrong sign.  Known bug 34 is like it.
    """

    def move_rows(self, p, grad, s, o):
        if o["maximize"]:
            grad._values().neg_()
        super().move_rows(p, grad, s, {**o, "maximize": False})


class SparseRefusedBesideDecay(Open):
    """Refuses sparse gradients once any group has weight_decay.

    An embedding cannot share an optimizer with layers that decay.
    """

    def step(self, closure=None):
        groups = self.param_groups
        grads = [p.grad for group in groups for p in group["params"]]
        sparse = any(g is not None and g.is_sparse for g in grads)
        if sparse and any(group["weight_decay"] for group in groups):
            raise RuntimeError("weight_decay cannot be used with a sparse gradient")
        return super().step(closure)


# -- sparse: duplicates ----------------------------------------------------------------


class DuplicatesAveraged(Open):
    """Rows of one index are averaged.  Known bug 46."""

    def summed(self, grad):
        rows, values = super().summed(grad)
        counts = (parts(grad)[0] == rows[:, None]).sum(1)
        return rows, values / counts.view(-1, *[1] * (values.dim() - 1))


class DuplicatesOneByOne(Open):
    """Rows of one index are steps one after the other.  Known bugs 48 and 50."""

    def move_rows(self, p, grad, s, o):
        for row, value in zip(*parts(grad), strict=True):
            self.move(p[row : row + 1], value[None], s[row : row + 1], o)


class DuplicatesSquaredApart(Open):
    """The update has the sum, S the squares of its parts.  Known bug 49."""

    def move_rows(self, p, grad, s, o):
        s.index_add_(0, parts(grad)[0], parts(grad)[1] ** 2)
        rows, g = self.summed(grad)
        g = -g if o["maximize"] else g
        p[rows] -= o["rate"] * g / self.divisor(s[rows], o)


class DuplicatesLastWins(Open):
    """Of rows of one index the last is taken, as plain indexing does.

    A word that occurs twice in a batch learns from one occurrence.  Known bug 39.
    """

    def summed(self, grad):
        rows, values = parts(grad)
        last = {int(row): k for k, row in enumerate(rows)}
        return rows.new_tensor(list(last)), values[list(last.values())]


# -- sparse: absent rows, no rows ------------------------------------------------------


class AbsentForgotten(Open):
    """S of the rows that are absent starts anew.  Known bug 56."""

    def move_rows(self, p, grad, s, o):
        absent = torch.ones(len(p), dtype=torch.bool)
        absent[parts(grad)[0]] = False
        s[absent] = 0
        super().move_rows(p, grad, s, o)


class AbsentMoved(Open):
    """Absent rows drift too, by the root of their S.

    Rare words drift while they do not occur.
    """

    def move_rows(self, p, grad, s, o):
        absent = torch.ones(len(p), dtype=torch.bool)
        absent[parts(grad)[0]] = False
        p[absent] -= 2.0**-6 * s[absent].sqrt()
        super().move_rows(p, grad, s, o)


class RowsCountThemselves(Open):
    """Each row has a rate by its own steps, though the counter is the param's.

    Rare words train by rates that are hardly decayed.
    """

    def move_rows(self, p, grad, s, o):
        counts = self.__dict__.setdefault("counts", {})
        mine = counts.setdefault(id(p), [0] * len(p))
        for row, value in zip(*self.summed(grad), strict=True):
            mine[int(row)] += 1
            rate = self.rate(mine[int(row)], grad, o)
            one = slice(int(row), int(row) + 1)
            self.move(p[one], value[None], s[one], {**o, "rate": rate})


class EmptyIsNone(Open):
    """A gradient without rows is no step.  t stands."""

    def steps(self, grad):
        return int(not grad.is_sparse or grad._nnz() > 0)


class EmptyRowsCrash(Open):
    """A gradient without rows is refused where rows are long.  Known bug 86."""

    def move_rows(self, p, grad, s, o):
        if grad._nnz() == 0 and p.dim() > 1:
            raise RuntimeError("numel: integer multiplication overflow")
        super().move_rows(p, grad, s, o)


# -- sparse: weight decay --------------------------------------------------------------


class _Unchecked(Open):
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
    """weight_decay acts on the rows of a sparse gradient, and on no others.

    Frequent words decay, rare ones do not.
    """


class SparseDecayIgnored(_Unchecked):
    """weight_decay is silently left out where the gradient is sparse.

    The user believes that embeddings decay.
    """

    def move_rows(self, p, grad, s, o):
        super().move_rows(p, grad, s, {**o, "weight_decay": 0})


class RefusedTooLate(_Unchecked):
    """Refuses weight_decay once it comes to the sparse gradient.  Known bug 13."""

    def move_rows(self, p, grad, s, o):
        if o["weight_decay"]:
            raise RuntimeError("weight_decay cannot be used with a sparse gradient")
        super().move_rows(p, grad, s, o)


class RefusedByGroup(_Unchecked):
    """Refuses weight_decay before a group is moved, but behind the earlier groups.

    Who catches the error and steps again has stepped the earlier groups twice.
    """

    def _step_group(self, group, pairs):
        number = [g is group for g in self.param_groups].index(True)
        if self.decays[number] and any(grad.is_sparse for _, grad in pairs):
            raise RuntimeError("weight_decay cannot be used with a sparse gradient")
        super()._step_group(group, pairs)


ABSENT = "sparse/absent-rows"
EMPTY = "sparse/empty"
REFUSED = "sparse/weight-decay-refused"
SUMMED = "sparse/duplicates-summed"
UNCHANGED = "sparse/refusal-changes-nothing"
UPDATE = "sparse/update"

#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    SparseUndecayed: (UPDATE, ABSENT, EMPTY),
    SparseDescends: (UPDATE,),
    SparseSorted: (UPDATE,),
    SparseFirstColumn: (UPDATE, EMPTY),
    SparseEndsTheList: (UPDATE,),
    SparseNegatesInPlace: (UPDATE,),
    SparseRefusedBesideDecay: (UPDATE,),
    DuplicatesAveraged: (SUMMED,),
    DuplicatesOneByOne: (SUMMED,),
    DuplicatesSquaredApart: (SUMMED,),
    DuplicatesLastWins: (SUMMED,),
    AbsentForgotten: (ABSENT,),
    AbsentMoved: (ABSENT,),
    RowsCountThemselves: (ABSENT,),
    EmptyIsNone: (EMPTY,),
    EmptyRowsCrash: (EMPTY,),
    SparseDecayed: (REFUSED,),
    SparseDecayIgnored: (REFUSED,),
    RefusedTooLate: (UNCHANGED,),
    RefusedByGroup: (UNCHANGED,),
}
