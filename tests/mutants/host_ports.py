"""Mutants that touch what belongs to the program around them.

What they leave behind harms whatever runs later in the process: tests play them inside
of `host_kept`.
"""

from __future__ import annotations

import os
import random
import warnings
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "interface"


@contextmanager
def host_kept():
    """Put back at the end what a mutant has touched."""
    with ExitStack() as back:
        back.callback(torch.set_rng_state, torch.get_rng_state())
        back.callback(np.random.set_state, np.random.get_state())
        back.callback(random.setstate, random.getstate())
        back.callback(torch.set_default_dtype, torch.get_default_dtype())
        back.callback(torch.set_grad_enabled, torch.is_grad_enabled())
        back.callback(torch.set_num_threads, torch.get_num_threads())
        back.callback(torch.autograd.set_detect_anomaly, torch.is_anomaly_enabled())
        precision = torch.get_float32_matmul_precision()
        back.callback(torch.set_float32_matmul_precision, precision)
        back.callback(np.seterr, **np.geterr())
        if "OMP_NUM_THREADS" not in os.environ:
            back.callback(os.environ.pop, "OMP_NUM_THREADS", None)
        back.enter_context(warnings.catch_warnings())
        yield


# -- what is left behind ---------------------------------------------------------------


class DrawsFromTorch(SingleTensorAdagrad):
    """Each step draws a number from torch's generator.

    A run is another one than with any other optimizer, though its seed is the same.
    """

    def step(self, closure=None):
        torch.rand(())
        return super().step(closure)


class SeedsTorch(SingleTensorAdagrad):
    """The constructor seeds torch's generator.

    Dropout and shuffling repeat themselves wherever an optimizer is made.
    """

    def __init__(self, *args, **options):
        torch.manual_seed(0)
        super().__init__(*args, **options)


class ShufflesByNumpy(SingleTensorAdagrad):
    """Params are stepped in an order from NumPy's generator.

    Data that is shuffled by it comes in another order with each optimizer.
    """

    def step(self, closure=None):
        np.random.permutation(len(self.state))
        return super().step(closure)


class LoadSeedsPython(SingleTensorAdagrad):
    """Loading seeds Python's generator.

    Augmentations repeat themselves in every resumed run.
    """

    def load_state_dict(self, state_dict):
        random.seed(0)
        super().load_state_dict(state_dict)


class LeavesDefaultDtype(SingleTensorAdagrad):
    """A step of a binary64 param makes binary64 the default dtype.

    All tensors that are made later double their size.
    """

    def _update(self, slots, *options):
        if any(slot.theta.dtype == torch.float64 for slot in slots):
            torch.set_default_dtype(torch.float64)
        super()._update(slots, *options)


class LeavesGradientsOff(SingleTensorAdagrad):
    """A step that is refused leaves gradients disabled.

    The program catches the error, goes on, and nothing is differentiated any more.
    """

    kind = "gradients"

    def step(self, closure=None):
        try:
            return super().step(closure)
        except RuntimeError:
            torch.set_grad_enabled(False)
            raise


class TurnsWarningsOff(SingleTensorAdagrad):
    """The constructor turns all warnings off.

    Deprecations and overflows of the rest of the program go unseen.
    """

    def __init__(self, *args, **options):
        warnings.simplefilter("ignore")
        super().__init__(*args, **options)


class LeavesOneThread(SingleTensorAdagrad):
    """A step sets torch to one thread.

    Training is slower by the number of cores, and nobody knows why.
    """

    def step(self, closure=None):
        torch.set_num_threads(1)
        return super().step(closure)


class LeavesAnomalyMode(SingleTensorAdagrad):
    """add_param_group leaves anomaly detection on.

    Each later backward is many times slower.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        if self.state and len(self.param_groups) > 1:
            torch.autograd.set_detect_anomaly(True)


class LeavesErrorsIgnored(SingleTensorAdagrad):
    """A step ends with NumPy's floating-point warnings off.

    The rest of the program divides by zero in silence.
    """

    def step(self, closure=None):
        loss = super().step(closure)
        np.seterr(all="ignore")
        return loss


class WritesEnvironment(SingleTensorAdagrad):
    """The constructor sets an environment variable.

    Processes that are started later run with one thread.
    """

    def __init__(self, *args, **options):
        os.environ["OMP_NUM_THREADS"] = "1"
        super().__init__(*args, **options)


class LowersMatmulPrecision(SingleTensorAdagrad):
    """The constructor allows shorter formats in products of matrices.

    The model computes with eleven digits from then on.
    """

    kind = "numerics"

    def __init__(self, *args, **options):
        torch.set_float32_matmul_precision("medium")
        super().__init__(*args, **options)


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    DrawsFromTorch: ("torch/host-untouched",),
    SeedsTorch: ("torch/host-untouched",),
    ShufflesByNumpy: ("torch/host-untouched",),
    LoadSeedsPython: ("torch/host-untouched",),
    LeavesDefaultDtype: ("torch/host-untouched",),
    LeavesGradientsOff: ("torch/host-untouched",),
    TurnsWarningsOff: ("torch/host-untouched",),
    LeavesOneThread: ("torch/host-untouched",),
    LeavesAnomalyMode: ("torch/host-untouched",),
    LeavesErrorsIgnored: ("torch/host-untouched",),
    WritesEnvironment: ("torch/host-untouched",),
    LowersMatmulPrecision: ("torch/host-untouched",),
}
