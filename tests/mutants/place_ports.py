"""Mutants by place: of a param in its group, and of an element in memory."""

from __future__ import annotations

from mutant_kit import Bent

KIND = "layout"


class TransposedThousandMisread(Bent):
    """A transposed gradient of a thousand elements is read as it lies in memory.

    The fast path for large arrays does not look at strides.
    """

    def move(self, p, grad, state, o):
        if grad.size >= 1000 and grad.flags.f_contiguous:
            grad = grad.ravel(order="K").reshape(grad.shape)
        super().move(p, grad, state, o)


class ThreeDimensionsMisread(Bent):
    """A permuted gradient of three dimensions is read as it lies in memory.

    Convolutions over time swap channels and taps; matrices are right.
    """

    def move(self, p, grad, state, o):
        if grad.ndim == 3 and not grad.flags.c_contiguous and 0 not in grad.strides:
            grad = grad.ravel(order="K").reshape(grad.shape)
        super().move(p, grad, state, o)


class _Crowd(Bent):
    """Knows a param's place in its group."""

    def before(self, p):
        for group in self.param_groups:
            for i, other in enumerate(group["params"]):
                if other is p:
                    return group["params"][:i]
        return []


class FlatBufferForgetsDecay(_Crowd):
    """Behind 2,048 elements of other params of the group weight_decay is left out.

    Params are packed into one buffer, and its second part is unpacked by other code.
    """

    kind = "decay"

    def _step_param(self, p, group):
        packed = sum(other.data.size for other in self.before(p))
        decay = group["weight_decay"] if packed < 2048 else 0.0
        super()._step_param(p, {**group, "weight_decay": decay})


class SecondLaunchCounters(_Crowd):
    """From the 33rd param of a group on t is that of the 33rd.

    A kernel takes 32 tensors at a time, and one counter with the second launch.
    """

    kind = "rate"

    def _step_param(self, p, group):
        before = self.before(p)
        self.leader = self.state[before[32]]["step"] if len(before) > 32 else None
        super()._step_param(p, group)

    def rate(self, t, o):
        return super().rate(t if self.leader is None else max(self.leader, 1), o)


class EmptyShiftsCounters(_Crowd):
    """Behind a param without elements each takes the rate of the param before it.

    Empty ones are filtered out of the tensors and not out of the counters.
    """

    kind = "rate"

    def _step_param(self, p, group):
        before = self.before(p)
        shifted = any(other.data.size == 0 for other in before)
        self.other = self.state[before[-1]]["step"] if shifted else None
        super()._step_param(p, group)

    def rate(self, t, o):
        return super().rate(t if self.other is None else max(self.other, 1), o)


class ScalarsOfFirstGroup(Bent):
    """0-dimensional params of all groups step with the first group's rate.

    Scalars are gathered into one tensor; temperatures learn too fast.
    """

    kind = "state"

    def _step_param(self, p, group):
        lr = self.param_groups[0]["lr"] if p.data.ndim == 0 else group["lr"]
        super()._step_param(p, {**group, "lr": lr})


#: Mutants, and the requirements that catch each by themselves.
CAUGHT: dict[type, tuple[str, ...]] = {
    TransposedThousandMisread: ("numerics/meetings",),
    ThreeDimensionsMisread: ("layout/strides-differ",),
    FlatBufferForgetsDecay: ("layout/any-size",),
    SecondLaunchCounters: ("groups/own-options",),
    EmptyShiftsCounters: ("lr-decay/own-counter",),
    ScalarsOfFirstGroup: ("numerics/meetings",),
}
