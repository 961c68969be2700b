"""Mutants that only torch can show: the types of options, and odd gradients.

Each is a torch optimizer that is right in all that a scenario can play, or nearly so.
"""

from __future__ import annotations

import numpy as np
import torch

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "gradients"

# -- options ---------------------------------------------------------------------------


class IntRatesAreIgnored(SingleTensorAdagrad):
    """A rate that is an int is taken for none, and the default is used.

    lr: 1 in a configuration trains a hundred times slower than lr: 1.0.
    """

    kind = "rate"

    def _step_group(self, group, pairs):
        if type(group["lr"]) is int and group["lr"]:
            group = {**group, "lr": 1e-2}
        super()._step_group(group, pairs)


class IntsArriveAsFlags(SingleTensorAdagrad):
    """An int in place of weight_decay only switches it on, with another value.

    weight_decay: 1 is silently another regularization.
    """

    kind = "decay"

    def _step_group(self, group, pairs):
        if type(group["weight_decay"]) is int and group["weight_decay"]:
            group = {**group, "weight_decay": 1e-2}
        super()._step_group(group, pairs)


class NumpyRatesAreRounded(SingleTensorAdagrad):
    """A rate of a NumPy type is kept in sixteen bits.

    A sweep over an array of rates tries others than those that it reports.
    """

    kind = "rate"

    def _step_group(self, group, pairs):
        rate = group["lr"]
        if isinstance(rate, np.generic) and not isinstance(rate, float):
            group = {**group, "lr": float(np.float16(rate))}
        super()._step_group(group, pairs)


class TensorsAreTruncated(SingleTensorAdagrad):
    """An eps that is a tensor is read as a whole number.

    It becomes 0, and zero gradients make NaN.
    """

    kind = "numerics"

    def _step_group(self, group, pairs):
        if isinstance(group["eps"], torch.Tensor):
            group = {**group, "eps": int(group["eps"])}
        super()._step_group(group, pairs)


class FailsOnFlags(SingleTensorAdagrad):
    """A weight_decay that is True is taken, and fails at the first step.

    The job that was queued for a day ends after a second.
    """

    kind = "interface"

    def _step_group(self, group, pairs):
        if isinstance(group["weight_decay"], bool | np.bool_):
            raise RuntimeError("Boolean alpha only supported for Boolean results.")
        super()._step_group(group, pairs)


class OtherOrder(SingleTensorAdagrad):
    """By position eps comes before weight_decay, as in other optimizers.

    Adagrad(params, 0.1, 0, 0.01) has no decay and a large eps.
    """

    kind = "interface"

    def __init__(
        self,
        params,
        lr=1e-2,
        lr_decay=0,
        eps=1e-10,
        weight_decay=0,
        initial_accumulator_value=0,
        *,
        maximize=False,
    ):
        super().__init__(
            params,
            lr,
            lr_decay,
            weight_decay,
            initial_accumulator_value,
            eps,
            maximize=maximize,
        )


# -- gradients -------------------------------------------------------------------------


class SumKeepsTheGraph(SingleTensorAdagrad):
    """S remembers the graph of a gradient that has one.

    The memory of every earlier step is never given back.
    """

    def _step_group(self, group, pairs):
        super()._step_group(group, pairs)
        for p, g in pairs:
            if g.grad_fn is not None:
                with torch.enable_grad():
                    self.state[p]["sum"] = self.state[p]["sum"] + 0 * g


class CutsTheGraph(SingleTensorAdagrad):
    """A step detaches gradients in place.  Second derivatives fail after it."""

    def _step_group(self, group, pairs):
        for _, g in pairs:
            g.detach_()
        super()._step_group(group, pairs)


class NegatesAndPutsBack(SingleTensorAdagrad):
    """With maximize all gradients are negated in place before, and back behind.

    A gradient that two params share is negated twice, so that both descend.
    """

    def _step_group(self, group, pairs):
        if not group["maximize"]:
            super()._step_group(group, pairs)
            return
        for _, g in pairs:
            g.neg_()
        super()._step_group({**group, "maximize": False}, pairs)
        for _, g in pairs:
            g.neg_()


class ServesSharedOnce(SingleTensorAdagrad):
    """Params whose gradient is one object are taken for one param.

    Of two tied layers with one gradient the second stands still.
    """

    def _step_group(self, group, pairs):
        seen = {}
        for p, g in pairs:
            seen.setdefault(id(g), (p, g))
        super()._step_group(group, list(seen.values()))


class RefusesOtherDtypesLate(SingleTensorAdagrad):
    """A gradient of another dtype is refused when its turn comes. Known bug 91.

    Params before it have moved and counted, those behind it have not.
    """

    def _step_group(self, group, pairs):
        for p, g in pairs:
            if g.dtype != p.dtype:
                raise RuntimeError(f"expected {p.dtype} but found {g.dtype}")
            super()._step_group(group, [(p, g)])


class SquaresInTheGradientsDtype(SingleTensorAdagrad):
    """A gradient of another dtype takes its param's update into that dtype.

    Beside bfloat16 gradients S of a binary32 param has eight digits.
    """

    kind = "numerics"

    def _step_group(self, group, pairs):
        super()._step_group(group, pairs)
        for p, g in pairs:
            if g.dtype != p.dtype:
                s = self.state[p]["sum"]
                s.copy_(s.to(g.dtype))


class ReadsLazyViewsRaw(SingleTensorAdagrad):
    """A gradient is read from its memory, whatever torch has noted to do with it.

    Conjugated and negated gradients lead uphill.
    """

    def _step_group(self, group, pairs):
        raw = []
        for p, g in pairs:
            g = g.conj() if g.is_conj() else g
            raw.append((p, -g if g.is_neg() else g))
        super()._step_group(group, raw)


class WaitsForBackward(SingleTensorAdagrad):
    """A step fails while a backward pass runs.

    Programs that step from hooks, to save memory, cannot use it.
    """

    def step(self, closure=None):
        if torch._C._current_graph_task_id() != -1:
            raise RuntimeError("backward has not ended")
        return super().step(closure)


PYTHON, OTHER = "parameters/python-numbers", "parameters/other-numbers"
GRAPH, SHARED = "gradients/with-graph", "gradients/shared"
DTYPES = "gradients/other-dtypes"

#: Each mutant, and the requirements that catch it by themselves.
CAUGHT = {
    IntRatesAreIgnored: (PYTHON,),
    IntsArriveAsFlags: (PYTHON,),
    NumpyRatesAreRounded: (OTHER,),
    TensorsAreTruncated: (OTHER,),
    FailsOnFlags: (OTHER,),
    OtherOrder: ("parameters/by-position",),
    SumKeepsTheGraph: (GRAPH,),
    CutsTheGraph: (GRAPH,),
    NegatesAndPutsBack: (SHARED,),
    ServesSharedOnce: (SHARED,),
    RefusesOtherDtypesLate: (DTYPES,),
    SquaresInTheGradientsDtype: (DTYPES,),
    ReadsLazyViewsRaw: ("gradients/lazy-views",),
    WaitsForBackward: ("torch/step-in-backward",),
}
