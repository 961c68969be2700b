"""Parts: the runs of checks, with their units, as the search judges them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from adagrad_conformance.execution.observations import (
    AdaptiveSeen,
    Observation,
    RelationSeen,
    Seen,
)
from adagrad_conformance.grading.case import Case, StepsSeen
from adagrad_conformance.grading.failure import Failure, FailureKind
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.dialects import Dialect
from adagrad_reference.scenario import Steps

from .complaints import Complaint, complaints_of
from .exercised import exercises
from .units import (
    NUMERIC,
    Features,
    Unit,
    drop_repeated,
    features_of_event,
    templates_of,
    units_of,
)
from .wording import LONG

__all__ = ["Part", "light_complaints", "numbers", "parts_of", "spread", "units_of_part"]

#: What an event costs to judge, in elements.
_EVENT = 20


@dataclass
class Part:
    """One run of a check, as it is judged by the dialect found so far."""

    piece: int
    run: int
    seen: Seen
    verdict: Verdict
    case: Case | None = None  #: what it came to by the declared dialect, where known
    units: list[Unit] = field(default_factory=list)
    #: its complaints by dialects, as they were judged
    known: dict[Dialect, set[Complaint]] = field(default_factory=dict)
    #: by switch, whether it may change anything here
    exercised: dict[str, bool] = field(default_factory=dict)

    @cached_property
    def templates(self) -> list[Unit]:
        """Its units before they are judged."""
        return templates_of(self.piece, self.run, self.seen)

    def exercises(self, switch: str) -> bool:
        """Whether a switch may change anything in it."""
        if switch not in self.exercised:
            self.exercised[switch] = exercises(self.seen, switch)
        return self.exercised[switch]

    @property
    def key(self) -> tuple[int, int]:
        """What tells it from all others."""
        return self.piece, self.run

    @property
    def failing(self) -> list[Unit]:
        """Its units with complaints."""
        return [unit for unit in self.units if unit.failures]


def parts_of(number: int, thing: Seen, case: Case, verdict: Verdict) -> Iterator[Part]:
    """The parts of one check."""
    match thing:
        case RelationSeen():
            yield Part(number, 0, thing.left, verdict)
            yield Part(number, 1, thing.right, verdict)
            yield Part(number, 2, thing, verdict, case)
        case AdaptiveSeen():
            yield Part(number, 0, thing.observation, verdict, case)
        case _:
            yield Part(number, 0, thing, verdict, case)


def units_of_part(part: Part, case: Case, hidden: bool) -> list[Unit]:
    """The units of a part by what it came to; `hidden`: the port shows no state."""
    units = units_of(part.piece, part.run, part.seen, case, part.templates)
    if case.status is not None and case.status.is_failure:
        units.append(_break_of(part, case))
    return list(_first_of_each(units)) if hidden else units


def light_complaints(part: Part, case: Case, hidden: bool) -> set[Complaint]:
    """The complaints of a case, without the features of units."""
    found: dict[tuple[int, str, str | None], Unit] = {}
    steps: dict[tuple[int, str, str | None], StepsSeen]
    steps = {(s.event, s.optimizer, s.param): s for s in case.steps}
    for failure in case.failures:
        place = (failure.event, failure.optimizer, failure.param)
        if place not in found:
            names = (part.piece, part.run, *place)
            found[place] = Unit(*names, "", {}, steps=steps.get(place))
        found[place].failures.append(failure)
    units = list(found.values())
    drop_repeated(units)
    if case.status is not None and case.status.is_failure:
        units.append(_break_of(part, case))
    if hidden:
        units = list(_first_of_each(units))
    return {complaint for unit in units for complaint in complaints_of(unit)}


def _break_of(part: Part, case: Case) -> Unit:
    """The unit of a check that broke off."""
    number, event = 0, None
    features: Features = {}
    if isinstance(part.seen, Observation) and part.seen.scenario.events:
        events = part.seen.scenario.events
        number = min(len(part.seen.events), len(events) - 1)
        event = events[number]
        features = features_of_event(part.seen.scenario, number)
    ended = _broken_off(case.message)
    names = {
        **features,
        "requirement": next(iter(part.verdict.requirements), ""),
        "event": type(event).__name__ if event else "check",
        "ending": (str(case.status), ended.exception, ended.place),
    }
    place = f" ({ended.place})" if ended.place else ""
    said = f"{case.status}: {ended.said}{place}"
    failure = Failure(FailureKind.NATIVE, number, observed=said)
    optimizer = event.optimizer if event else ""
    return Unit(part.piece, part.run, number, optimizer, "?", "break", names, [failure])


def _first_of_each(units: Sequence[Unit]) -> Iterator[Unit]:
    """Without a state to judge from, what comes after a wrong theta follows from it."""
    wrong: set[tuple[str, str | None]] = set()
    for unit in units:
        place = unit.optimizer, unit.param
        if place in wrong:
            unit.failures = [f for f in unit.failures if f.kind not in NUMERIC]
            if not unit.failures:
                continue
        elif any(f.kind in NUMERIC for f in unit.failures):
            wrong.add(place)
        yield unit


def spread(parts: Sequence[Part]) -> list[Part]:
    """The parts of every requirement in turn, the smallest first."""
    groups: dict[str, list[Part]] = defaultdict(list)
    for part in sorted(parts, key=numbers):
        groups[(part.verdict.requirements or ("",))[0]].append(part)
    rounds = range(max(map(len, groups.values()), default=0))
    found = [g[i] for i in rounds for g in groups.values() if i < len(g)]
    # host code is cheap to judge, and says least of numbers
    return sorted(found, key=lambda part: not isinstance(part.seen, Observation))


def numbers(part: Part) -> int:
    """How much there is to judge in a part: elements, and what an event costs."""
    if not isinstance(part.seen, Observation):
        return _EVENT
    scenario = part.seen.scenario
    size = sum(tensor.size for tensor in scenario.tensors.values())
    events = sum(e.count if isinstance(e, Steps) else 1 for e in scenario.events)
    return (size + _EVENT) * events


# -- what ended a check --------------------------------------------------------------


class _Broken(NamedTuple):
    """The end of a check: `place` is FILE:LINE of the port, or empty."""

    said: str
    exception: str  #: the name of the exception, or empty
    place: str


_FRAME = re.compile(r'File "(.+?)", line (\d+)')
#: Files that are not the port's own.
_OTHERS = re.compile(r"adagrad_(conformance|reference)|[/\\](torch|numpy|jax)[/\\]")


def _broken_off(message: str) -> _Broken:
    """From the text that came with the end: the last line of a traceback, and its last
    frame that is in no library that is known.
    """
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    said = lines[-1][:LONG] if lines else ""
    named = said.partition(":")[0]
    exception = named if named.isidentifier() and named[0].isupper() else ""
    frames = _FRAME.findall(message)
    own = [frame for frame in frames if not _OTHERS.search(frame[0])] or frames
    if not own:
        return _Broken(said, exception, "")
    file, line = own[-1]
    name = file.replace("\\", "/").rpartition("/")[2]
    return _Broken(said, exception, f"{name}:{line}")
