"""Counts, findings and the conclusion of a target, from its records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from adagrad_conformance.adapters.evidence.reading import evidence_of
from adagrad_conformance.evaluation.conclusion import Conclusion, conclude, evidence
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.verdict import GRADES
from adagrad_reference.scenario import LEVELS

__all__ = ["NO_REQUIREMENT", "Finding", "Summary", "Tally", "summaries"]

Json = dict[str, Any]

#: The requirement of a scenario that names none.
NO_REQUIREMENT = "no requirement"
#: What the map says of each verdict.
_STANDS = {
    Conclusion.CONFORMANT: "right",
    Conclusion.NOT_CONFORMANT: "breaks its own word",
    Conclusion.UNCONFIRMED: "unconfirmed",
    Conclusion.INSUFFICIENT: "too little was judged",
    Conclusion.NOT_JUDGED: "crashes or cannot be judged",
}
_GRADE_ORDER = list(GRADES)
_JUDGED = tuple(status for status in Status if status.was_judged)
_FAILURES = tuple(status for status in Status if status.is_failure)


@dataclass(frozen=True)
class Tally:
    """Records that are counted together: those of one family, or all."""

    name: str
    records: Sequence[Json]

    def count(self, level: str | None = None, *statuses: str) -> int:
        """How many records have this level and one of these statuses."""
        return sum(
            (level is None or r["level"] == level) and r["status"] in statuses
            for r in self.records
        )

    def judged_at(self, level: str | None = None) -> int:
        """How many were judged at a level, or at all."""
        return self.count(level, *_JUDGED)

    @property
    def failed(self) -> int:
        """MUST checks that were judged and did not pass."""
        return self.count("MUST", *_FAILURES)

    @property
    def findings(self) -> int:
        """SHOULD checks that were judged and did not pass."""
        return self.count("SHOULD", *_FAILURES)

    @property
    def worst_grade(self) -> str:
        """The worst numeric grade at MUST, or a dash."""
        grades = [
            r["grade"] for r in self.records if r["grade"] and r["level"] == "MUST"
        ]
        return max(grades, key=_GRADE_ORDER.index) if grades else "-"

    @property
    def max_error(self) -> str:
        """The largest error of a check that passed, in ulp at scale, or a dash.

        Checks with subnormal numbers that a port flushes to zero, as it declares, do
        not count.
        """
        errors = [
            float(r["max_error_ulp"])
            for r in self.records
            if r["max_error_ulp"]
            and r["status"] == Status.PASS
            and r["grade"] != "flushed"
        ]
        return f"{max(errors):.3g}" if errors else "-"


@dataclass(frozen=True)
class Finding:
    """The failures of one requirement on one target; `first` stands for all."""

    requirement: str
    level: str
    records: Sequence[Json]

    @property
    def first(self) -> Json:
        """The example that is shown."""
        return self.records[0]

    @property
    def evidence(self) -> str:
        """One line: what is wrong, what was observed and what is expected."""
        record = self.first
        keys = ("cause", "param", "element", "observed", "expected")
        return evidence(
            Status(record["status"]), record["message"], *map(record.get, keys)
        )


@dataclass(frozen=True)
class Summary:
    """The records of one target, counted and grouped."""

    target: Json
    records: Sequence[Json]
    faults: Sequence[Json] = ()  #: the records of its faults, the gravest first

    @cached_property
    def families(self) -> list[Tally]:
        """By family, in order of appearance."""
        grouped: dict[str, list[Json]] = defaultdict(list)
        for record in self.records:
            grouped[record["scenario"].split("/")[0]].append(record)
        return [Tally(name, records) for name, records in grouped.items()]

    @cached_property
    def total(self) -> Tally:
        """All records together."""
        return Tally("all", self.records)

    @cached_property
    def findings(self) -> list[Finding]:
        """What did not pass, by level and requirement."""
        grouped: dict[tuple[str, str], list[Json]] = defaultdict(list)
        for record in self.records:
            if record["status"] in _FAILURES:
                name = record["requirement"] or NO_REQUIREMENT
                grouped[record["level"], name].append(record)
        listed = sorted(grouped.items(), key=lambda item: LEVELS.index(item[0][0]))
        return [Finding(name, level, rs) for (level, name), rs in listed]

    @property
    def verdict(self) -> Conclusion:
        """The word of the target.

        In the record of a published port only failures with a confirmed fault make it
        not conformant.
        """
        problem, total = self.target.get("problem"), self.total
        too_little = bool(self.target.get("basis", {}).get("lacking"))
        too_little |= bool(self.target.get("interrupted"))
        loose, judged = len(self.unconfirmed), total.judged_at()
        return conclude(problem, judged, total.failed - loose, too_little, loose)

    @property
    def unconfirmed(self) -> list[Json]:
        """Failures at MUST in the record of a published port that no fault covers."""
        if "faults" not in self.target:
            return []
        failed = (r for r in self.records if r["status"] in _FAILURES)
        return [r for r in failed if r["level"] == "MUST" and "fault" not in r]

    @property
    def stands(self) -> str:
        """The verdict as the map says it: there are three ways to be not right.

        A published port whose faults no script was run for is unconfirmed.
        """
        verdict = self.verdict
        is_published = evidence_of(self.target["target"]) is not None
        if verdict is Conclusion.NOT_CONFORMANT and is_published:
            verdict = verdict if "faults" in self.target else Conclusion.UNCONFIRMED
        if verdict is Conclusion.CONFORMANT and self.target.get("departs"):
            return "differs by design"
        return _STANDS[verdict]

    @property
    def verdict_words(self) -> str:
        """The verdict, and the dialect where the port declares another one."""
        if self.target.get("departs"):
            return f"{self.verdict} by its dialect {self.target['dialect']}"
        return self.verdict

    @property
    def not_claimed(self) -> dict[str, int]:
        """The claims that are missing, and how many scenarios need each."""
        missing: dict[str, int] = defaultdict(int)
        for record in self.records:
            if record["status"] == Status.NOT_CLAIMED:
                for claim in record["message"].split(", "):
                    missing[claim] += 1
        return dict(sorted(missing.items(), key=lambda item: -item[1]))

    @property
    def skipped(self) -> dict[str, list[str]]:
        """Why checks could not be run here, and which."""
        reasons: dict[str, list[str]] = defaultdict(list)
        for record in self.records:
            if record["status"] == Status.SKIPPED:
                reasons[record["message"]].append(record["scenario"])
        return dict(reasons)


def summaries(
    targets: Iterable[Json], checks: Iterable[Json], faults: Iterable[Json] = ()
) -> list[Summary]:
    """One summary a target, in order."""
    own: dict[str, list[Json]] = defaultdict(list)
    for record in faults:
        own[record["target"]].append(record)
    by_target: dict[str, list[Json]] = defaultdict(list)
    for record in checks:
        by_target[record["target"]].append(record)
    return [
        Summary(target, by_target[target["target"]], own[target["target"]])
        for target in targets
    ]
