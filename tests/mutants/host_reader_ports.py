"""Mutants that go by what belongs to the program around them."""

from __future__ import annotations

import threading
from copy import deepcopy

import numpy as np
import torch
from open_port import Open

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "interface"


class NoGradIsEvaluation(SingleTensorAdagrad):
    """A step under no_grad is taken for a part of an evaluation and left out.

    Loops that write the step into a no_grad block never train.
    """

    kind = "gradients"

    def step(self, closure=None):
        if not torch.is_grad_enabled():
            return None if closure is None else closure()
        return super().step(closure)


class RateInHalfDefault(Open):
    """The rate has the default dtype, if that is one of 16 bits.

    A program that makes its model in bfloat16 rounds every rate to three digits.
    """

    kind = "rate"

    def rate(self, t, grad, o):
        rate = super().rate(t, grad, o)
        default = torch.get_default_dtype()
        return (
            float(torch.tensor(rate, dtype=default)) if default.itemsize < 4 else rate
        )


class DeterministicForgetsDecay(Open):
    """With deterministic algorithms another path is taken, without weight decay.

    The run that was made to be repeated is another one.
    """

    kind = "decay"

    def used(self, theta, g, o):
        if torch.are_deterministic_algorithms_enabled():
            o = {**o, "weight_decay": 0}
        return super().used(theta, g, o)


class AutocastSquares(Open):
    """Under autocast squares are rounded to bfloat16.

    A step inside the block of the forward pass has three digits.
    """

    kind = "numerics"

    def squared(self, g):
        square = super().squared(g)
        if torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"):
            return square.bfloat16().to(square.dtype)
        return square


class RemainderOfThreadsSkipped(Open):
    """With several threads the elements that are left over by an even split stay.

    The result depends on the machine.
    """

    kind = "layout"

    def move(self, p, g, s, o):
        threads, n = torch.get_num_threads(), p.numel()
        left = n % threads if p.dim() == 1 and n > threads and not p.is_complex() else 0
        kept = p[n - left :].clone() if left else None
        super().move(p, g, s, o)
        if left:
            p[n - left :] = kept


class SumOfThread(Open):
    """S belongs to the thread that steps.

    A trainer whose worker thread takes over starts with a fresh S.
    """

    kind = "state"

    def move(self, p, g, s, o):
        threads = self.__dict__.setdefault("threads", {})
        me = threading.get_ident()
        if p in self.state and threads.setdefault(p, me) != me:
            s.fill_(o["initial_accumulator_value"])
            threads[p] = me
        super().move(p, g, s, o)


class SumOnDefaultDevice(SingleTensorAdagrad):
    """S is made on the default device, not where the param is.

    A program with another default device cannot step its small models.
    """

    kind = "state"

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        device = torch.get_default_device()
        for p in self.param_groups[-1]["params"]:
            if p.device != device and device.type == "meta":
                self.state[p]["sum"] = self.state[p]["sum"].to(device)


class OptionsAsPrinted(Open):
    """Options are saved as text by print options of NumPy, which belong to the host.

    A notebook that prints four digits resumes with four digits.
    """

    kind = "state"

    def state_dict(self):
        saved = super().state_dict()
        if np.get_printoptions()["precision"] < 8:
            saved = deepcopy(saved)
            for group in saved["param_groups"]:
                for name, value in group.items():
                    if isinstance(value, float):
                        group[name] = float(str(np.array([value]))[1:-1])
        return saved


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    NoGradIsEvaluation: ("closure/under-no-grad",),
    RateInHalfDefault: ("torch/default-dtype",),
    DeterministicForgetsDecay: ("torch/modes",),
    AutocastSquares: ("torch/other-modes",),
    RemainderOfThreadsSkipped: ("torch/modes",),
    SumOfThread: ("torch/threads",),
    SumOnDefaultDevice: ("torch/default-device",),
    OptionsAsPrinted: ("state-dict/options",),
}
