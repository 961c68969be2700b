"""Mutants by machine: how many of those that are wrong at one meeting are caught.

    python tests/mutants/machine.py OUT.json [--triples 3000] [--jobs 2] [--quick]

The figures become the key `machine` of OUT.json, beside what power.py has written.
Every pair of features gives a mutant that is wrong only where the two meet; a sample of
pairs in each format, and of triples, give more.  A mutant differs from the right port
only in scenarios in which its features meet.  One run of the right port finds these;
the mutant is then really played on them, the cheapest first, until one fails.

Rule 1.  A pair that no scenario meets counts as missed.
Rule 2.  A pair that the exclusions of the space forbid is no mutant; it is counted with
         the reason.
Rule 3.  The same code gives the same bytes, for any number of jobs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from forked import in_forks
from machine_ports import INDEX, Watched, mask_of, name_of, wrong_where
from mutant_kit import adapter

from adagrad_conformance.checks.meetings import writing
from adagrad_conformance.checks.meetings.space import (
    DIMENSIONS,
    Feature,
    excluded,
    is_spread,
)
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.files import write_text
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.claims import needed_claims
from adagrad_reference.scenario import Scenario

__all__ = ["Field", "main", "pairs", "pairs_in_formats", "triples"]

Features = tuple[Feature, ...]
Json = dict[str, Any]

SEED = "adagrad-conformance/machine"
SAMPLE = 3000  #: triples, and pairs in a format
CHUNK = 200  #: mutants that one process plays
PATIENCE = 900.0
FINE = ("pass", "not-claimed", "skipped", "waived")


# -- the mutants -----------------------------------------------------------------------


def _ways() -> list[list[Feature]]:
    """The features of each dimension that a port can see."""
    order = {d.name: [] for d in DIMENSIONS}
    for feature in INDEX:
        order[feature[0]].append(feature)
    return list(order.values())


def _reason(features: Features) -> str | None:
    """Why the features never meet, if they do not."""
    known = {k: "fresh-deepcopy" if v == "fresh" else v for k, v in features}
    return excluded(known)


def pairs() -> Iterator[Features]:
    """Every two features of two dimensions, excluded or not."""
    for one, other in itertools.combinations(_ways(), 2):
        yield from itertools.product(one, other)


def pairs_in_formats() -> Iterator[Features]:
    """Every format and two features that must meet in it."""
    formats, *others = _ways()
    for one, other in itertools.combinations(others, 2):
        for a, b in itertools.product(one, other):
            if not is_spread(a, b):
                yield from ((fmt, a, b) for fmt in formats)


def triples() -> Iterator[Features]:
    """Every three features of three dimensions, excluded or not."""
    for ways in itertools.combinations(_ways(), 3):
        yield from itertools.product(*ways)


def _sampled(some: Iterable[Features], count: int) -> list[Features]:
    """`count` of those that no exclusion forbids, in their order."""
    every = list(some)
    order = list(range(len(every)))
    if count < len(every):
        random.Random(SEED).shuffle(order)
    possible = (number for number in order if _reason(every[number]) is None)
    return [every[number] for number in sorted(itertools.islice(possible, count))]


# -- where they are met ----------------------------------------------------------------


class _Recorder(Watched):
    """Keeps every set of features that meets at a step."""

    home: dict = {}  # noqa: RUF012
    met: set[int] = set()  # noqa: RUF012

    def meets(self, mask: int) -> None:
        self.met.add(mask)


@dataclass(frozen=True)
class Field:
    """The scenarios on which mutants are played, the cheapest first."""

    scenarios: Sequence[Scenario]

    @classmethod
    def of_the_suite(cls) -> Field:
        """Every scenario of a run that a torch port is held to, at MUST."""
        known = [c for c in known_checks(Library.read()) if isinstance(c, Scenario)]
        return cls([c for c in known if _plays(c)])

    @classmethod
    def of_the_meetings(cls) -> Field:
        """The covering array alone."""
        return cls([s for s in writing.scenarios() if _plays(s)])

    @cached_property
    def met(self) -> list[tuple[Scenario, frozenset[int]]]:
        """What meets in each scenario; raises AssertionError if the port is wrong."""
        found = []
        for scenario in sorted(self.scenarios, key=_cost):
            _Recorder.met = set()
            failed = fails(_Recorder, scenario)
            assert not failed, f"the right port fails {scenario.id}"
            found.append((scenario, frozenset(_Recorder.met)))
        return found

    def meeting(self, features: Features) -> Iterator[Scenario]:
        """The scenarios in which all of the features meet."""
        wanted = mask_of(features)
        for scenario, masks in self.met:
            if any(mask & wanted == wanted for mask in masks):
                yield scenario

    def outcome(self, features: Features) -> str:
        """`caught`, `missed` or `unmet`, of the mutant of these features."""
        mutant, met = wrong_where(features), False
        for scenario in self.meeting(features):
            met = True
            if fails(mutant, scenario):
                return "caught"
        return "missed" if met else "unmet"


def _plays(scenario: Scenario) -> bool:
    claims = needed_claims(scenario)
    long = {"many-steps", "load-new-process", "refusals"} & claims
    return scenario.level == "MUST" and not long


def _cost(scenario: Scenario) -> int:
    params = sum(40 + tensor.size for tensor in scenario.tensors.values())
    return params * len(scenario.events)


def fails(port: type, scenario: Scenario) -> bool:
    """Whether a port fails a scenario."""
    candidate = InProcessClient(lambda: adapter(port))
    identity = candidate.start()
    seen = list(observe(candidate, identity, [scenario]))
    terms = Terms(identity.claims, lambda _: ())
    return any(verdict.status not in FINE for verdict in judge(seen, terms))


# -- the figures -----------------------------------------------------------------------


def _counted(field: Field, mutants: Sequence[Features], jobs: int) -> Json:
    """How many mutants there are, are caught and are met, and the names of the rest."""
    starts = range(0, len(mutants), CHUNK)
    found: dict[int, list[str]] = {}

    def work(start: int) -> list[str]:
        return [field.outcome(some) for some in mutants[start : start + CHUNK]]

    for ended in in_forks(work, starts, jobs, PATIENCE):
        if ended.problem:
            raise RuntimeError(f"a part of the mutants {ended.problem}")
        found[starts[ended.task]] = ended.answer
    outcomes = [outcome for start in starts for outcome in found[start]]
    named = list(zip(mutants, outcomes, strict=True))
    return {
        "mutants": len(mutants),
        "caught": outcomes.count("caught"),
        "unmet": [name_of(some) for some, outcome in named if outcome == "unmet"],
        "missed": [name_of(some) for some, outcome in named if outcome == "missed"],
    }


def measured(field: Field, sample: int, jobs: int) -> Json:
    """Everything that the file holds."""
    every = list(pairs())
    reasons = Counter(filter(None, map(_reason, every)))
    groups: Mapping[str, Sequence[Features]] = {
        "pairs": _sampled(every, len(every)),
        "pairs-in-formats": _sampled(pairs_in_formats(), sample),
        "triples": _sampled(triples(), sample),
    }
    assert field.met
    return {
        "scenarios": len(field.scenarios),
        "excluded": dict(sorted(reasons.items())),
        **{name: _counted(field, some, jobs) for name, some in groups.items()},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, write, and report how long it took."""
    options = _parser().parse_args(arguments)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    started = time.monotonic()
    field = Field.of_the_meetings() if options.quick else Field.of_the_suite()
    data = measured(field, options.triples, options.jobs)
    whole = json.loads(options.out.read_text()) if options.out.exists() else {}
    text = json.dumps({**whole, "machine": data}, indent=1, sort_keys=True)
    write_text(options.out, text + "\n")
    for name in ("pairs", "pairs-in-formats", "triples"):
        print(f"{name}: {data[name]['caught']} of {data[name]['mutants']} caught")
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--triples", type=int, default=SAMPLE, help="size of a sample")
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument(
        "--quick", action="store_true", help="play the covering array alone"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
