"""Mutants of step(closure)."""

from __future__ import annotations

import torch
from mutant_kit import Bent

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "gradients"


class ClosureTwice(Bent):
    """The closure is called again for the loss.  Gradients double, time too."""

    def step(self, closure=None):
        if closure is not None:
            closure()
        return super().step(closure)


class ClosureAfterUpdate(Bent):
    """The closure is called after the update.  The step uses old gradients."""

    def step(self, closure=None):
        super().step()
        return None if closure is None else closure()


class DecaysBeforeClosure(Bent):
    """The params move a little before the closure is called.

    The loss and its gradients belong to other weights than the user's.
    """

    def step(self, closure=None):
        for p in self._params() if closure else ():
            p.data[...] = p.data * 0.99
        return super().step(closure)


class ClosureNeverCalled(Bent):
    """The closure is accepted and ignored.  The step uses stale gradients, or none."""

    def step(self, closure=None):
        return super().step()


class LossNotReturned(Bent):
    """step(closure) returns None.  Line searches and logs lose the loss."""

    def step(self, closure=None):
        super().step(closure)


class LossOfLastStep(Bent):
    """step(closure) returns the loss of the call before.

    Logs and early stopping are one step behind.
    """

    def step(self, closure=None):
        last, self.loss = getattr(self, "loss", 0.0), super().step(closure)
        return None if closure is None else last


class StepReturnsNumber(Bent):
    """step() without a closure returns a number instead of None.

    A caller that tells by None whether there was a closure is misled.
    """

    def step(self, closure=None):
        loss = super().step(closure)
        return 0.0 if closure is None else loss


class ClosureWithoutGradients(SingleTensorAdagrad):
    """The closure is called under no_grad.  Known bugs 33 and 80."""

    def step(self, closure=None):
        if closure is None:
            return super().step()
        with torch.no_grad():
            loss = closure()
        super().step()
        return loss
