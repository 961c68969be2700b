"""Mutants that only torch can show: closures, steps within steps, modes, the process.

Each is a torch optimizer that is right in all that a scenario can play, or nearly so.
"""

from __future__ import annotations

import threading
import warnings

import torch

from adagrad_conformance.adapters.own.torch_single import SingleTensorAdagrad

KIND = "interface"

# -- closures and steps within steps ---------------------------------------------------


class SwallowsErrors(SingleTensorAdagrad):
    """A closure that raises counts as one without a loss, and the step is taken.

    A batch that could not be read is trained by the gradients of the last one.
    """

    kind = "gradients"

    def step(self, closure=None):
        def careful():
            try:
                return closure()
            except Exception:
                return None

        return super().step(closure and careful)


class EndsQuietly(SingleTensorAdagrad):
    """StopIteration in a closure ends the step without a word.

    A loop that waits for the end of its data never sees it.
    """

    kind = "gradients"

    def step(self, closure=None):
        try:
            return super().step(closure)
        except StopIteration:
            return None


class CountsBeforeTheClosure(SingleTensorAdagrad):
    """t is raised before the closure is called, and stays so if that raises.

    After every bad batch the decayed rate is too small.
    """

    kind = "rate"

    def step(self, closure=None):
        if closure is None:
            return super().step()
        for state in self.state.values():
            state["step"] += 1
        with torch.enable_grad():
            loss = closure()
        for state in self.state.values():
            state["step"] -= 1
        super().step()
        return loss


class ZeroIsNoLoss(SingleTensorAdagrad):
    """A loss of 0 comes back as None.  Logs break where training has succeeded."""

    kind = "gradients"

    def step(self, closure=None):
        loss = super().step(closure)
        return loss or None


class OptionsOfTheClass(SingleTensorAdagrad):
    """A step notes its options in the class, and reads them after the closure.

    An optimizer that the closure steps leaves its own rate there.
    """

    kind = "state"
    noted = ()

    def step(self, closure=None):
        type(self).noted = tuple(float(g["lr"]) for g in self.param_groups)
        return super().step(closure)

    def _step_group(self, group, pairs):
        place = next(i for i, g in enumerate(self.param_groups) if g is group)
        noted = type(self).noted
        rate = noted[min(place, len(noted) - 1)]
        super()._step_group({**group, "lr": rate}, pairs)


class PreparedByAHook(SingleTensorAdagrad):
    """A hook of its own notes the step's rates in the class before the step begins.

    A hook of the program that steps another optimizer changes them.
    """

    kind = "state"
    noted = ()

    def __init__(self, params, *args, **options):
        super().__init__(params, *args, **options)
        self.register_step_pre_hook(lambda port, *_: port.note())

    def note(self):
        type(self).noted = tuple(float(g["lr"]) for g in self.param_groups)

    def step(self, closure=None):
        if not self._optimizer_step_pre_hooks:  # a copy has no hooks
            self.note()
        rates = dict(zip(map(id, self.param_groups), self.noted, strict=False))
        self.rates = rates
        return super().step(closure)

    def _step_group(self, group, pairs):
        rate = self.rates.get(id(group), 0.0)
        super()._step_group({**group, "lr": rate}, pairs)


class OfItsMakersThread(SingleTensorAdagrad):
    """Settings are kept for the thread that made the optimizer.

    A server that steps in its workers fails.
    """

    def __init__(self, params, *args, **options):
        super().__init__(params, *args, **options)
        self.local = threading.local()
        self.local.ready = True

    def step(self, closure=None):
        if "local" in vars(self) and not hasattr(self.local, "ready"):
            raise RuntimeError("the optimizer was made in another thread")
        return super().step(closure)


# -- modes and the process -------------------------------------------------------------


class NotedGradMode(SingleTensorAdagrad):
    """An optimizer that is made under no_grad takes itself for one of an evaluation.

    It never steps.
    """

    def __init__(self, params, *args, **options):
        super().__init__(params, *args, **options)
        self.evaluates = not torch.is_grad_enabled()

    def step(self, closure=None):
        return None if getattr(self, "evaluates", False) else super().step(closure)


class RoundsUnderAutocast(SingleTensorAdagrad):
    """Under autocast S is kept to the eight digits of bfloat16.

    A step inside the block of the forward pass forgets small gradients.
    """

    kind = "numerics"

    def _step_group(self, group, pairs):
        super()._step_group(group, pairs)
        if torch.is_autocast_enabled("cpu"):
            for p, _ in pairs:
                s = self.state[p]["sum"]
                s.copy_(s.to(torch.bfloat16))


class MadeUnderInference(SingleTensorAdagrad):
    """S is made in the mode of its maker. Known bug 97.

    Made under inference_mode it fails at the first step.
    """

    def add_param_group(self, param_group):
        super().add_param_group(param_group)
        for p in self.param_groups[-1]["params"]:
            self.state[p]["sum"] = self.state[p]["sum"].clone()


class ScratchOnTheDefaultDevice(SingleTensorAdagrad):
    """Scratch memory lies on the default device, wherever the params are.

    Beside a model on the meta device no other one can be trained.
    """

    def _step_group(self, group, pairs):
        for p, _ in pairs:
            if torch.empty(0).device.type != p.device.type:
                raise RuntimeError("expected all tensors to be on the same device")
        super()._step_group(group, pairs)


class DrawsWhatItNeverUses(SingleTensorAdagrad):
    """A step draws a random number, for a rounding that is switched off.

    Dropout and shuffling differ from those of any other optimizer.
    """

    def step(self, closure=None):
        torch.rand(())
        return super().step(closure)


class OneThread(SingleTensorAdagrad):
    """The constructor sets the number of threads to one.

    The rest of the program runs at a fraction of its speed.
    """

    def __init__(self, params, *args, **options):
        super().__init__(params, *args, **options)
        torch.set_num_threads(1)


class SilencesWarnings(SingleTensorAdagrad):
    """Loading switches all warnings off, and never on again.

    What other libraries warn of stays unseen.
    """

    def load_state_dict(self, state_dict):
        warnings.simplefilter("ignore")
        super().load_state_dict(state_dict)


RAISES, HOST = "closure/raises", "torch/host-untouched"

#: Each mutant, and the requirements that catch it by themselves.
CAUGHT = {
    SwallowsErrors: (RAISES,),
    EndsQuietly: (RAISES,),
    CountsBeforeTheClosure: (RAISES,),
    ZeroIsNoLoss: ("closure/once",),
    OptionsOfTheClass: ("closure/steps-another",),
    PreparedByAHook: ("torch/nested-steps",),
    OfItsMakersThread: ("torch/threads",),
    NotedGradMode: ("torch/modes",),
    RoundsUnderAutocast: ("torch/other-modes",),
    MadeUnderInference: ("torch/inference-mode",),
    ScratchOnTheDefaultDevice: ("torch/default-device",),
    DrawsWhatItNeverUses: (HOST,),
    OneThread: (HOST,),
    SilencesWarnings: (HOST,),
}
