"""Grading: observations in, verdicts out.  Pure; nothing is played here.

Rule 1.  Where a port shows its state, every step is judged from the port's own theta
         and S as last read, with the reference's t.  Errors cannot hide by adding up,
         and a legal early difference is never held against a later step.
Rule 2.  Every other event leaves theta, S and t bit for bit, except what the event
         itself restores or writes (events/).
Rule 3.  Where a port shows no state, theta is held to the boxes carried along.
Rule 4.  A value passes if it lies inside the lawful box; NaN passes only where the box
         says so.  Never a tolerance.
Rule 5.  The flag `subnormal` marks scenarios in which a port that claims
         `flush-to-zero` is judged by the flushed box; all others stay lawful.

`judge` runs the enclosure over the steps of all observations in batches, one for each
format and class.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, assert_never

import numpy as np

from adagrad_conformance.checks.kinds import kind
from adagrad_conformance.execution.observations import (
    AdaptiveSeen,
    NativeSeen,
    NotPlayed,
    Observation,
    RelationSeen,
    Seen,
)
from adagrad_conformance.execution.status import Status
from adagrad_reference.array_enclosure import (
    StepBatch,
    complete_boxes,
    fast_boxes,
)
from adagrad_reference.array_exact import dialect_errors, exact_steps
from adagrad_reference.boxes import Boxes, same
from adagrad_reference.dialects import Dialect
from adagrad_reference.expectations import EventExpectation
from adagrad_reference.flags import Flag, FlagEffect
from adagrad_reference.formats import BINARY64, FORMATS, Format
from adagrad_reference.numeric_class import (
    CLASSES,
    FLUSHED,
    LAWFUL,
    TIGHT,
    NumericClass,
)
from adagrad_reference.scenario import Step
from adagrad_reference.trajectories import Trajectory, trajectories

from .adaptive import adaptive_case
from .arrays import step_batch
from .attribution import broken_requirement, failed_level
from .boxes import report_outside
from .case import Case, StepsSeen, Terms
from .events.binary32_view import as_binary32
from .events.master_weights import MASTER
from .events.walk import collect
from .failure import Failure, FailureKind
from .native import native_case
from .relations import compare_runs
from .verdict import GRADES, Verdict
from .wanted import check_wanted

__all__ = ["judge", "judged_cases", "verdict_of"]

#: How many elements behind the first failure of a step are counted if they are costly.
_MORE = 20

#: The claim that subnormal numbers are flushed to zero.
FLUSHES = "flush-to-zero"
#: The claims that S is kept wider than the param, and that it is kept in 8 bits.
WIDE, QUANTISES = "wide-state", "quantised-state"
#: The claim that binary64 is computed in 80 bits.
EXTENDED = "extended-precision"
#: Of the largest S of a param: how far a quantised S may be off.
_QUANTUM = 2.0**-7

_Pair = tuple[Case, StepsSeen]


def judge(
    everything: Iterable[Seen], terms: Terms, graded: bool = True
) -> list[Verdict]:
    """The verdict of every check that was seen, in order.

    Without `graded` there is only pass or fail.  The grade `exact` exists for the
    document alone.
    """
    return [verdict_of(case) for case in judged_cases(everything, terms, graded)]


def judged_cases(
    everything: Iterable[Seen], terms: Terms, graded: bool = True, brief: bool = False
) -> list[Case]:
    """What every check that was seen comes to, in order: all failures, not one.

    With `brief` the failures of steps have no values.
    """
    listed = list(everything)
    expected = _trajectories(listed, terms)
    cases = [_case(seen, terms, expected) for seen in listed]
    batches: dict[tuple[str, NumericClass, Format | None], list[_Pair]]
    batches = defaultdict(list)
    for case in cases:
        demanded = _demanded(case, terms.claims)
        for step in case.steps:
            cls = replace(demanded, keeps_sum=step.sum_format is not None)
            batches[step.format.name, cls, step.sum_format].append((case, step))
    quantised = QUANTISES in terms.claims
    for (name, demanded, _), pairs in batches.items():
        fmt = FORMATS[name]
        _judge_steps(fmt, pairs, demanded, terms.dialect, graded, quantised, brief)
    return cases


def _trajectories(everything: Iterable[Seen], terms: Terms) -> dict[int, Trajectory]:
    """Boxes of theta for a port that shows no state, by the identity of observations.

    Those of the document that a file holds are taken from there.  With master weights
    the steps are those of binary32.
    """
    if "state" in terms.claims:
        return {}
    alone = (
        seen.observation if isinstance(seen, AdaptiveSeen) else seen
        for seen in everything
    )
    played = [
        seen
        for seen in alone
        if isinstance(seen, Observation)
        and any(isinstance(event, Step) for event in seen.scenario.events)
    ]
    stepped = {id(seen): seen.scenario for seen in played}
    if MASTER in terms.claims:
        stepped = {id(seen): as_binary32(seen).scenario for seen in played}
    found: dict[int, Trajectory] = {}
    wide, extended = WIDE in terms.claims, EXTENDED in terms.claims
    cls = replace(LAWFUL, keeps_sum=wide, extended=extended)
    quantum = _QUANTUM if QUANTISES in terms.claims else 0.0
    plain = cls == LAWFUL and not quantum and not terms.dialect.changes
    in_files = stepped if plain else {}
    for number, scenario in in_files.items():
        held = terms.expect(scenario)
        if held is not None:
            found[number] = [_lawful(event) for event in held]
    rest = {number: s for number, s in stepped.items() if number not in found}
    computed = trajectories(rest.values(), terms.dialect, cls, quantum)
    found.update(zip(rest, computed, strict=True))
    return found


def _lawful(event: EventExpectation) -> dict[str, Boxes]:
    """The boxes of the params that an event moves, as vector files hold them."""
    return {
        name: Boxes.of(param.theta[LAWFUL.name])
        for name, param in event.params.items()
        if param.theta is not None
    }


def _case(seen: Seen, terms: Terms, expected: Mapping[int, Trajectory]) -> Case:
    match seen:
        case Observation():
            case = collect(seen, terms, expected.get(id(seen)))
            case.detail = seen.detail
        case RelationSeen():
            case = _relation_case(seen, terms.dialect)
        case NativeSeen():
            case = native_case(seen, terms.dialect)
        case AdaptiveSeen():
            case = adaptive_case(seen, terms, expected.get(id(seen.observation)))
        case NotPlayed():
            case = Case(seen.check, seen.status, seen.message)
        case _:
            assert_never(seen)
    case.reason = case.reason or seen.reason
    return case


def _relation_case(seen: RelationSeen, dialect: Dialect) -> Case:
    """A law that holds for the document may not hold where others count or begin."""
    case = compare_runs(seen)
    if case.failures and not dialect.keeps_laws:
        words = f"this law does not hold in the dialect {dialect.name}"
        return Case(seen.check, Status.WAIVED, words)
    return case


# -- arithmetic, in batches ------------------------------------------------------------


def _demanded(case: Case, claims: frozenset[str]) -> NumericClass:
    """The class that a check is held to (rule 5)."""
    flushes = FLUSHES in claims and FlagEffect.FLUSHING in _effects(case)
    cls = FLUSHED if flushes else LAWFUL
    return replace(cls, extended=EXTENDED in claims)


def _judge_steps(
    fmt: Format,
    pairs: Sequence[_Pair],
    demanded: NumericClass,
    dialect: Dialect,
    graded: bool,
    quantised: bool,
    brief: bool = False,
) -> None:
    batch, new_theta, new_sum = step_batch(fmt, [step for _, step in pairs])
    parts = _parts(len(step.gradient) for _, step in pairs)
    cheap = fast_boxes(batch, demanded, dialect, np.zeros(len(batch), bool))
    total = _quantised(cheap[1], parts) if quantised else cheap[1]
    holds = cheap[0].holds(new_theta) & total.holds(new_sum)
    deciding = _deciding(pairs, parts, holds)
    complete_boxes(cheap, batch, demanded, dialect, deciding)
    boxes = {demanded: cheap}
    classes = [TIGHT, LAWFUL] if graded else [LAWFUL]
    keeps, extended = demanded.keeps_sum, demanded.extended  # as all classes then
    classes = [replace(cls, keeps_sum=keeps, extended=extended) for cls in classes]
    classes = list(dict.fromkeys([*classes, demanded]))
    for cls in classes:
        if cls != demanded:
            boxes[cls] = fast_boxes(batch, cls, dialect, deciding)
    if quantised:
        boxes = {
            cls: (theta, _quantised(total, parts))
            for cls, (theta, total) in boxes.items()
        }
    inside = {
        cls: theta.holds(new_theta) & total.holds(new_sum)
        for cls, (theta, total) in boxes.items()
    }
    reached = {cls.name: inside[cls] for cls in classes if cls.name in CLASSES}
    errors = np.full(len(batch), np.nan)
    if graded:
        errors, exact = _errors(batch, dialect, new_theta, new_sum)
        reached = reached if exact is None else {"exact": exact, **reached}
    fine = _whole_parts(inside[demanded], parts)
    grades = {name: _whole_parts(holds, parts) for name, holds in reached.items()}
    for number, ((case, step), part) in enumerate(zip(pairs, parts, strict=True)):
        case.errors.append(errors[part])
        if fine[number]:
            best = (name for name, holds in grades.items() if holds[number])
            case.grades.append(next(best, FLUSHED.name))
        else:
            theta, total = (each.at(part) for each in boxes[demanded])
            seen = (theta, new_theta[part]), (total, new_sum[part])
            if brief:
                _report_briefly(case, step, *seen)
            else:
                _report(case, step, *seen, quantised)
        if FlagEffect.ELEMENTS in _effects(case) and not dialect.changes:
            after = new_theta[part], new_sum[part]
            check_wanted(case, _flags(case), step, batch.take(part), *after)


def _quantised(total: Boxes, parts: Sequence[slice]) -> Boxes:
    """Boxes of S, wider by a quantum of the largest S of each param."""
    if not parts:
        return total
    columns = zip(*(total.at(part).within(_QUANTUM) for part in parts), strict=True)
    return Boxes(*map(np.concatenate, columns))


def _deciding(pairs: Sequence[_Pair], parts: Sequence[slice], inside: Any) -> Any:
    """A mask of the elements whose boxes decide, whatever they cost.

    `inside` tells which of them are in order as far as it is cheap to know.  The first
    failure of a check decides; of what comes after it `_MORE` elements a step are
    looked at, to be counted.  A wrong port that leaves the range of the format would
    take minutes otherwise.
    """
    first: dict[int, int] = {}  # event, by the identity of the case
    for (case, step), holds in zip(pairs, _whole_parts(inside, parts), strict=True):
        if not holds:
            first[id(case)] = min(step.event, first.get(id(case), step.event))
    deciding = np.ones(len(inside), bool)
    for (case, step), part in zip(pairs, parts, strict=True):
        event = first.get(id(case), step.event)
        if step.event > event:
            deciding[part] = False
        elif id(case) in first and not inside[part].all():
            behind = part.start + int(np.argmin(inside[part])) + _MORE
            deciding[behind : part.stop] = False
    return deciding


def _report(
    case: Case,
    step: StepsSeen,
    theta: tuple[Boxes, Any],
    total: tuple[Boxes, Any],
    quantised: bool,
) -> None:
    """Note the values of a step that lie outside their boxes, S before theta."""
    case.grades.append("fail")
    for what, (boxes, values) in ((FailureKind.SUM, total), (FailureKind.THETA, theta)):
        failure = Failure(what, step.event, step.optimizer, step.param)
        fmt = step.format
        if what is FailureKind.SUM and (step.sum_format or quantised):
            fmt = BINARY64  # the ends of the boxes are numbers of binary64 alone
        report_outside(case, fmt, failure, boxes, values, step.where)


def _report_briefly(
    case: Case, step: StepsSeen, theta: tuple[Boxes, Any], total: tuple[Boxes, Any]
) -> None:
    """Note that S or theta of a step lie outside their boxes."""
    for what, (boxes, values) in ((FailureKind.SUM, total), (FailureKind.THETA, theta)):
        if not boxes.holds(values).all():
            case.fail(Failure(what, step.event, step.optimizer, step.param))


def _parts(lengths: Iterable[int]) -> list[slice]:
    """Consecutive parts of an array."""
    ends = list(itertools.accumulate(lengths, initial=0))
    return [slice(*pair) for pair in itertools.pairwise(ends)]


def _whole_parts(holds: Any, parts: Sequence[slice]) -> list[bool]:
    """For each part whether `holds` is true throughout."""
    missed = np.concatenate([[0], np.cumsum(~holds)]).tolist()
    return [missed[part.start] == missed[part.stop] for part in parts]


def _errors(
    batch: StepBatch, dialect: Dialect, new_theta: Any, new_sum: Any
) -> tuple[Any, Any]:
    """Errors of theta in ulp, and where both results are correctly rounded.

    The second is None for a dialect, of which correct rounding is not computed.
    """
    if dialect.changes:
        return dialect_errors(batch, dialect, new_theta), None
    exact = exact_steps(batch)
    due = same(exact.theta, new_theta) & same(exact.state_sum, new_sum)
    return exact.errors(batch.format, new_theta), due


def _flags(case: Case) -> frozenset[Flag]:
    return frozenset(getattr(case.check, "flags", ()))


def _effects(case: Case) -> set[FlagEffect]:
    return {flag.effect for flag in _flags(case)}


# -- verdicts --------------------------------------------------------------------------


def verdict_of(case: Case) -> Verdict:
    """What a case comes to: its first failure, its worst grade, its errors."""
    check = case.check
    errors = np.concatenate([np.empty(0), *case.errors])
    measured = errors[np.isfinite(errors)]
    first = min(case.failures, key=lambda f: f.event) if case.failures else None
    status = case.status or (Status.FAIL if first else Status.PASS)
    order = list(GRADES)
    grades = [*case.grades, *(["box"] if case.boxed else [])]
    grade: str | None = max(grades, key=order.index) if grades else None
    broken = broken_requirement(check, first) if first else None
    return Verdict(
        check.id,
        check.requirements,
        failed_level(check, first),
        status,
        grade,
        float(measured.max()) if len(measured) else None,
        float(measured.mean()) if len(measured) else None,
        len(errors) + case.boxed,
        max(case.margins, default=None),
        first,
        case.message,
        kind(check),
        case.reason,
        case.detail,
        broken,
    )
