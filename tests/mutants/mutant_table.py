"""Every mutant, the class of its fault, and the requirements that must catch it.

An entry names requirements each of which finds the mutant by itself; newer modules
bring their own entries, in `CAUGHT`, in `CRASHES` those found by a crash, and in
`ALIVE` those that no check finds, with the reason.  A module's `KIND` is the class of
the faults in it, but for those mutants that have a `kind` of their own.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import address_ports
import closures
import complex_ports
import counter
import crowd_ports
import decay_maximize
import error_ports
import formula
import gradient_ports
import groups
import history_ports
import host_ports
import host_reader_ports
import identity_ports
import known_bug_ports
import layout
import long_run_ports
import meeting_ports
import moment_ports
import more_meetings_ports
import more_sparse_ports
import native_call_ports
import native_drive_ports
import native_kind_ports
import native_ports
import native_save_ports
import native_state_ports
import native_value_ports
import none_zero
import number_ports
import numerics
import option_ports
import place_ports
import refusals
import relation_ports
import resume_ports
import rounding_ports
import saving_ports
import size_ports
import sparse_ports
import special_option_ports
import state
import state_ports
import sum_rounding_ports
import value_ports

__all__ = ["KINDS", "MODULES", "MUTANTS", "UNCOVERED", "Mutant"]

#: The classes of faults.
KINDS = (
    "formula",  # ALG-6 and ALG-7: the place of eps, the sum, the sign
    "rate",  # the step counter, lr, lr_decay
    "decay",  # weight decay and maximize
    "gradients",  # None, zero, who writes into them, closures
    "state",  # the state dict, groups and their options
    "layout",  # sizes, strides, positions, other elements, paths that differ
    "numerics",  # precision, rounding, special values
    "sparse",
    "complex",
    "interface",  # names, defaults, validation, refusals
)

MODULES = (
    formula,
    counter,
    decay_maximize,
    none_zero,
    state,
    groups,
    refusals,
    closures,
    layout,
    numerics,
    relation_ports,
    sparse_ports,
    complex_ports,
    native_ports,
    native_drive_ports,
    native_state_ports,
    native_kind_ports,
    native_value_ports,
    native_call_ports,
    native_save_ports,
    long_run_ports,
    option_ports,
    gradient_ports,
    number_ports,
    state_ports,
    known_bug_ports,
    crowd_ports,
    meeting_ports,
    moment_ports,
    resume_ports,
    history_ports,
    error_ports,
    address_ports,
    saving_ports,
    size_ports,
    place_ports,
    value_ports,
    special_option_ports,
    rounding_ports,
    sum_rounding_ports,
    identity_ports,
    host_ports,
    host_reader_ports,
    more_meetings_ports,
    more_sparse_ports,
)


@dataclass(frozen=True)
class Mutant:
    """A wrong port, the requirements that must catch it, and by which status.

    One that no check catches names no requirement, and its status is `alive`.
    """

    port: type
    caught_by: tuple[str, ...]
    status: str = "fail"

    @property
    def name(self) -> str:
        """As pytest shows it."""
        return f"{self.port.__module__}/{self.port.__name__}"

    @property
    def kind(self) -> str:
        """The class of its fault, one of KINDS."""
        module = sys.modules[self.port.__module__]
        kind: str = getattr(self.port, "kind", module.KIND)
        return kind


def _mutant(port: Any, *caught_by: str, status: str = "fail") -> Mutant:
    return Mutant(port, caught_by, status)


UPDATE, SUM, TAU = (
    "algorithm/update",
    "algorithm/accumulator",
    "algorithm/initial-accumulator",
)
FIRST, SCHEDULE, OWN = (
    "lr-decay/first-step",
    "lr-decay/schedule",
    "lr-decay/own-counter",
)
LATE = "numerics/late-step"
COUPLED, OFF = "weight-decay/coupled", "weight-decay/zero-is-off"
SIGN, BEFORE = "maximize/sign", "maximize/before-weight-decay"
SKIPS, STEPS, MIXED = (
    "none-vs-zero/none-skips",
    "none-vs-zero/zero-steps",
    "none-vs-zero/interleaved",
)
TO_NONE, TO_ZERO = "zero-grad/to-none", "zero-grad/to-zero"
UNTOUCHED, CLOSURE = "gradients/untouched", "closure/once"
GROUP, CHANGE, ADD = "groups/own-options", "groups/option-change", "groups/add"
TWICE = "groups/duplicate-refused"
ILLEGAL = "parameters/refuses-illegal"
COPY, BYTES, PROCESS = (
    "state-dict/deepcopy",
    "state-dict/bytes",
    "state-dict/new-process",
)
LOADED, MISFIT = "state-dict/options", "state-dict/mismatch-refused"
READING = "state-dict/reading"
VIEW, STRIDES, SIZE = (
    "layout/strided-param",
    "layout/strides-differ",
    "layout/any-size",
)
ORDINARY, ZERO_THETA = "numerics/ordinary", "numerics/zero-theta"
EPS, LARGE = "numerics/eps", "numerics/large-lr"
CANCEL, TIES = "numerics/cancellation", "numerics/ties"
FRESH, OVERFLOW = "numerics/fresh", "numerics/overflow"
NON_FINITE = "special-values/non-finite-gradient"
INFINITE = "special-values/infinite-theta"
ZERO_ON_ZERO = "special-values/zero-on-zero"

_TABLE: tuple[Mutant, ...] = (
    _mutant(formula.EpsInsideRoot, UPDATE, EPS),
    _mutant(formula.EpsSquaredInsideRoot, UPDATE, EPS),
    _mutant(formula.NoEps, UPDATE, EPS, ZERO_ON_ZERO),
    _mutant(formula.ZeroEpsReplaced, UPDATE, TIES),
    _mutant(formula.EpsJoinsSum, SUM),
    _mutant(formula.PlusSign, UPDATE, SIGN, FRESH),
    _mutant(formula.OldSum, UPDATE),
    _mutant(formula.SumOverwritten, SUM),
    _mutant(formula.SumDecays, SUM),
    _mutant(formula.SquaresSubtracted, SUM),
    _mutant(formula.MeanOfSquares, SUM),
    _mutant(formula.SumStoredAsRoot, SUM),
    _mutant(formula.SumStartsAtZero, TAU),
    _mutant(formula.SumStartsAtSquare, TAU),
    _mutant(formula.WeightOverwritten, UPDATE),
    _mutant(formula.FirstStepRaw, UPDATE, FIRST),
    _mutant(formula.NoAccumulationAtRateZero, SUM),
    _mutant(formula.DoesNothing, UPDATE, SUM, TIES, CANCEL),
    _mutant(counter.CountsFromOne, FIRST, SCHEDULE),
    _mutant(counter.ExponentialDecay, SCHEDULE, LATE),
    _mutant(counter.PowerDecay, SCHEDULE, LATE),
    _mutant(counter.RootDecay, SCHEDULE, LATE),
    _mutant(counter.DecayCompounds, SCHEDULE),
    _mutant(counter.NeverDecays, SCHEDULE, LATE),
    _mutant(counter.CounterStuck, SCHEDULE),
    _mutant(counter.CallsCounted, OWN),
    _mutant(counter.CallsCountedInSecret, OWN),
    _mutant(counter.CounterSharedByParams, OWN, MIXED),
    _mutant(counter.NoneCounts, SKIPS, OWN, MIXED),
    _mutant(counter.NoneResetsCounter, SKIPS, MIXED),
    _mutant(counter.CounterInParamFormat, SCHEDULE, LATE),
    _mutant(counter.CounterOverflows, SCHEDULE, LATE),
    _mutant(decay_maximize.DecayDecoupled, COUPLED, LARGE),
    _mutant(decay_maximize.DecayWithoutRate, COUPLED, LARGE),
    _mutant(decay_maximize.DecayOnlyInSum, COUPLED, LARGE),
    _mutant(decay_maximize.DecayMissingInSum, COUPLED, CANCEL),
    _mutant(decay_maximize.DecayOfStaleTheta, COUPLED),
    _mutant(decay_maximize.DecayOfPreviousGradient, COUPLED),
    _mutant(decay_maximize.DecaySubtracted, COUPLED, CANCEL),
    _mutant(decay_maximize.DecayTwice, COUPLED),
    _mutant(decay_maximize.DecayWhenOff, OFF, INFINITE),
    _mutant(decay_maximize.SmallDecayDropped, COUPLED, ORDINARY),
    _mutant(decay_maximize.MaximizeIgnored, SIGN),
    _mutant(decay_maximize.MaximizeFlipsRate, BEFORE),
    _mutant(decay_maximize.MaximizeAfterDecay, BEFORE),
    _mutant(decay_maximize.MaximizeDropsDecay, BEFORE),
    _mutant(decay_maximize.MaximizeOnce, SIGN),
    _mutant(none_zero.NoneIsZero, SKIPS, TO_NONE),
    _mutant(none_zero.NoneDecays, SKIPS),
    _mutant(none_zero.NoneStopsTheRest, SKIPS, MIXED),
    _mutant(none_zero.NoneStopsLaterGroups, MIXED),
    _mutant(none_zero.CounterSlips, MIXED, OWN),
    _mutant(none_zero.ZeroIsNone, STEPS, ZERO_ON_ZERO),
    _mutant(none_zero.ZeroIsNotCounted, STEPS, MIXED),
    _mutant(none_zero.ZeroElementsSkipped, STEPS),
    _mutant(none_zero.TinyElementsSkipped, EPS),
    _mutant(none_zero.ZeroGradForgets, TO_NONE),
    _mutant(none_zero.ZeroGradFirstParamOnly, TO_NONE, TO_ZERO),
    _mutant(none_zero.ZeroGradToNoneGivesZeros, TO_NONE),
    _mutant(none_zero.ZeroGradToZeroGivesNone, TO_ZERO),
    _mutant(none_zero.DecayEntersGradient, UNTOUCHED),
    _mutant(none_zero.MaximizeTurnsGradient, UNTOUCHED),
    _mutant(none_zero.GradientHoldsUpdate, UNTOUCHED),
    _mutant(none_zero.GradientConsumed, UNTOUCHED),
    _mutant(state.OneSumForAll, SUM),
    _mutant(state.StateOnTheParam, COPY, BYTES, PROCESS, MISFIT),
    _mutant(state.SumNotRestored, COPY, BYTES, PROCESS),
    _mutant(state.CounterNotRestored, COPY, BYTES, PROCESS),
    _mutant(state.OneCounterRestored, COPY, BYTES, PROCESS),
    _mutant(state.OptionsNotRestored, LOADED),
    _mutant(state.ConstructorRateWins, LOADED),
    _mutant(state.MaximizeNotRestored, LOADED),
    _mutant(state.FirstGroupRestored, LOADED),
    _mutant(state.LoadClearsGradients, COPY, BYTES),
    _mutant(state.LoadSharesState, "state-dict/independent"),
    _mutant(state.SumLostInDeepcopy, COPY),
    _mutant(state.SumLostInBytes, BYTES, PROCESS),
    _mutant(state.SumKeptAtHome, PROCESS),
    _mutant(state.SavingResetsCounter, COPY, BYTES, PROCESS),
    _mutant(state.AcceptsOtherGroups, MISFIT),
    _mutant(state.AcceptsOtherParams, MISFIT),
    _mutant(state.RefusesWithOptionsLoaded, MISFIT),
    _mutant(groups.GroupOptionsIgnored, GROUP, CHANGE),
    _mutant(groups.FirstGroupForAll, GROUP, CHANGE),
    _mutant(groups.ThirdGroupWrong, GROUP),
    _mutant(groups.OptionsLeak, GROUP),
    _mutant(groups.OptionsCached, CHANGE),
    _mutant(groups.OptionChangeLate, CHANGE),
    _mutant(groups.OptionChangeReachesAll, CHANGE),
    _mutant(groups.AddResetsOlder, ADD),
    _mutant(groups.AddedStartsLate, ADD, OWN),
    _mutant(groups.AddedWithoutInitial, ADD, TAU),
    _mutant(groups.AddedNeverSteps, ADD),
    _mutant(groups.AddedLikeLast, ADD, GROUP),
    _mutant(groups.GroupInitialIgnored, "groups/own-initial-accumulator"),
    _mutant(refusals.DuplicateAccepted, TWICE),
    _mutant(refusals.UnsteppedDuplicateAccepted, TWICE),
    _mutant(refusals.DuplicateHalfAdded, TWICE, status="malformed"),
    _mutant(refusals.NegativeAccepted, ILLEGAL),
    _mutant(refusals.NegativeRateAccepted, ILLEGAL),
    _mutant(refusals.NanAccepted, ILLEGAL),
    _mutant(refusals.NanEpsAccepted, ILLEGAL),
    _mutant(refusals.GroupOptionsUnchecked, "parameters/group-refuses-illegal"),
    _mutant(refusals.ZerosRefused, SUM, UPDATE),
    _mutant(closures.ClosureTwice, CLOSURE),
    _mutant(closures.ClosureAfterUpdate, CLOSURE),
    _mutant(closures.DecaysBeforeClosure, CLOSURE),
    _mutant(closures.ClosureNeverCalled, CLOSURE),
    _mutant(closures.LossNotReturned, CLOSURE),
    _mutant(closures.LossOfLastStep, CLOSURE),
    _mutant(closures.ClosureWithoutGradients, CLOSURE, status="malformed"),
    _mutant(layout.StridedUpdateLost, VIEW, STRIDES),
    _mutant(layout.WritesOutsideView, VIEW, STRIDES),
    _mutant(layout.GradientStridesIgnored, STRIDES),
    _mutant(layout.ParamStridesIgnored, STRIDES),
    _mutant(layout.WritesOneTooFar, VIEW),
    _mutant(layout.FirstRowsOnly, SIZE),
    _mutant(layout.TailSkipped, SIZE),
    _mutant(layout.VectorBlockSkipped, SIZE),
    _mutant(layout.SeventeenthWrong, SIZE),
    _mutant(layout.ScalarSkipped, SIZE),
    _mutant(layout.SingleElementSkipped, SIZE),
    _mutant(layout.EmptyStopsTheRest, SIZE),
    _mutant(layout.NanSpreads, NON_FINITE),
    _mutant(layout.InfSpreads, NON_FINITE),
    _mutant(layout.NonFiniteSkipsParam, NON_FINITE),
    _mutant(layout.NonFiniteIsZero, NON_FINITE),
    _mutant(layout.OverflowIsNan, OVERFLOW),
    _mutant(counter.CounterIsBinary32, "lr-decay/counts-beyond-2-24"),
    _mutant(state.SumKeptByShape, SUM),
    _mutant(state.LoadsInWrongOrder, COPY, BYTES, PROCESS),
    _mutant(state.LoadFillsOnlyFresh, COPY, BYTES),
    _mutant(state.LoadBringsParams, COPY, BYTES),
    _mutant(state.LoadFreezesOptions, CHANGE),
    _mutant(state.SavingResetsOptions, READING),
    _mutant(state.OptionsSharedByOptimizers, "groups/two-optimizers"),
    _mutant(state.RefusesTooLate, MISFIT),
    _mutant(groups.FalsyOverrideIgnored, GROUP),
    _mutant(groups.FirstGroupCached, CHANGE),
    _mutant(groups.SwitchingOffIgnored, CHANGE),
    _mutant(groups.AddedLikeFirst, ADD),
    _mutant(closures.StepReturnsNumber, CLOSURE),
    _mutant(layout.WrongBeyond64, SIZE),
    _mutant(layout.WrongBeyond4096, FRESH),
    _mutant(layout.FirstFormatOnly, "groups/mixed-formats"),
    _mutant(layout.ExpandedGradientMisread, STRIDES),
    _mutant(layout.FlushesSubnormals, "numerics/subnormals"),
    _mutant(layout.EpsInParamFormat, "special-values/default-eps-in-binary16"),
    _mutant(numerics.RateInBinary32, UPDATE, LATE, SCHEDULE),
    _mutant(numerics.RateInBinary16, LATE, SCHEDULE),
    _mutant(numerics.SumInBinary32, SUM, ORDINARY),
    _mutant(numerics.SquareInBinary32, SUM, ORDINARY),
    _mutant(numerics.RootInBinary32, ORDINARY, ZERO_THETA),
    _mutant(numerics.DecayInBinary32, COUPLED, ORDINARY),
    _mutant(numerics.EpsInBinary32, EPS),
    _mutant(numerics.EpsHasFloor, EPS),
    _mutant(numerics.RelativeError, ORDINARY, ZERO_THETA, FRESH),
    _mutant(numerics.FewUlpsOff, ZERO_THETA),
    _mutant(numerics.SqrtFewUlpsOff, ZERO_THETA),
    _mutant(numerics.FastInverseRoot, ZERO_THETA, ORDINARY),
    _mutant(numerics.GradientExpanded, CANCEL, LARGE),
    _mutant(numerics.SumOfSquaresExpanded, CANCEL, COUPLED),
    _mutant(numerics.Truncates32, ORDINARY, ZERO_THETA),
    _mutant(numerics.TruncatesBfloat16, ORDINARY, ZERO_THETA),
    _mutant(numerics.StepsRoundedToGrid, TIES),
    _mutant(numerics.LooksUp, FRESH),
    _mutant(numerics.OrderDependsOnPosition, "layout/same-bits"),
)

#: Every mutant; modules that bring their own entries come last.
MUTANTS: tuple[Mutant, ...] = (
    *_TABLE,
    *(
        Mutant(port, caught_by)
        for module in MODULES
        for port, caught_by in getattr(module, "CAUGHT", {}).items()
    ),
    *(
        Mutant(port, caught_by, "crash")
        for module in MODULES
        for port, caught_by in getattr(module, "CRASHES", {}).items()
    ),
    *(
        Mutant(port, (), "alive")
        for module in MODULES
        for port in getattr(module, "ALIVE", {})
    ),
)

#: Requirements without a mutant here, and why there is none.
UNCOVERED: dict[str, str] = {
    "torch/cuda": "needs a device; tests/adapters/test_native_checks.py has its logic",
    "torch/compiled-in-binary64": "as torch/compiled",
    "special-values/overflow-moves": "a MAY: right ports stand still too",
    "torch/distributed-checkpoint": "as slow; tests/adapters/test_kinds.py has one",
    "torch/compiled": "its mutants take long; tests/adapters/test_compiled.py has them",
}
