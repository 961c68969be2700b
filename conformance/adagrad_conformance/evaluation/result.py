"""The result of one target: verdicts, failures, faults, and their text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adagrad_conformance.execution.status import Status
from adagrad_reference.dialects import DIALECTS

from .conclusion import Conclusion, basis_lines, conclude, evidence
from .telling import Group, Told, lines

if TYPE_CHECKING:  # an import of the result loads no arithmetic
    from adagrad_conformance.execution.observations import Seen
    from adagrad_conformance.faults.fault import Faults
    from adagrad_conformance.grading.verdict import Verdict
    from adagrad_conformance.transport.identity import Identity

    from .basis import Basis

__all__ = ["TargetResult"]


@dataclass(repr=False)
class TargetResult:
    """What became of one target.

    `str` gives the answer first, then what it rests on, the faults with their evidence,
    and findings; `repr` is one line.
    """

    target: str
    identity: Identity | None = None  #: None if the port could not be started
    verdicts: list[Verdict] = field(default_factory=list)
    problem: str | None = None  #: why the port could not be judged at all
    doubt: str | None = None  #: what the adapter may do wrong, if it is not the port
    #: All that was observed, where `keep` demands it.
    seen: Sequence[Seen] = ()
    #: What explains the failures at MUST; None where nothing failed, or too few checks
    #: were played to tell.
    faults: Faults | None = None
    interrupted: bool = False  #: whether a part was not played
    #: How many checks at MUST pass by the document, of how many judged, where the
    #: port declares another dialect.
    by_document: tuple[int, int] | None = None
    #: Failed scenarios that no file holds, as JSON, by id.
    reproducers: Mapping[str, Any] = field(default_factory=dict)
    #: What the verdicts rest on; None where the checks were chosen by name, or given.
    basis: Basis | None = None
    seed: int | None = None  #: of the random scenarios
    in_process: bool = False  #: whether the port ran in the process of the caller

    @property
    def conclusion(self) -> Conclusion:
        """Conformant, not conformant, insufficient, or not judged."""
        judged = sum(v.status.was_judged for v in self.verdicts)
        too_little = self.interrupted or bool(self.basis and self.basis.lacking)
        return conclude(self.problem, judged, len(self.failures), too_little)

    @property
    def conformant(self) -> bool:
        """Whether enough was judged and no MUST failed."""
        return self.conclusion is Conclusion.CONFORMANT

    @property
    def failures(self) -> list[Verdict]:
        """The failed checks at MUST."""
        return self.failed_at("MUST")

    @property
    def findings(self) -> list[Verdict]:
        """The failed checks at SHOULD; they do not make a port nonconformant."""
        return self.failed_at("SHOULD")

    def failed_at(self, *levels: str) -> list[Verdict]:
        """The failed checks of these levels, of MUST, SHOULD and MAY."""
        return [v for v in self.verdicts if v.level in levels and v.status.is_failure]

    def exit_code(self, strict: bool = False) -> int:
        """The exit code of a run of this target alone.

        0 conforms, 1 does not, 3 could not be loaded or failed its smoke test, 4 too
        little was judged, or nothing.  With `strict`, a SHOULD that fails counts as a
        MUST.
        """
        if self.problem:
            return 3
        if self.failed_at("MUST", *(("SHOULD",) if strict else ())):
            return 1
        enough = self.conclusion in (Conclusion.CONFORMANT, Conclusion.NOT_CONFORMANT)
        return 0 if enough else 4

    def __repr__(self) -> str:
        text = f"{type(self).__name__} {self._answer()}"
        if self.failures:
            first = self.failures[0]
            text += f"; first {first.scenario}: {_evidence(first)}"
        return f"<{text}>"

    def __str__(self) -> str:
        return "\n".join(line.text for line in lines(self._told()))

    def _answer(self) -> str:
        if self.problem:
            return f"{self.conclusion}: {self.target}, {self.problem}"
        dialect = ""
        if self.identity and DIALECTS[self.identity.dialect].words:
            dialect = f" by its dialect {self.identity.dialect}"
        passed = f"{self._passed('MUST')} MUST checks pass"
        return f"{self.conclusion}{dialect}: {self.target}, {passed}"

    def first_failure(self) -> str | None:
        """The first failure at MUST, in one line."""
        failed = self.failures[:1]
        return f"{failed[0].scenario}: {_evidence(failed[0])}" if failed else None

    def _passed(self, level: str) -> str:
        """As in '3 of 4': how many checks of a level pass, of those judged."""
        judged = self._judged(level)
        return f"{judged - len(self.failed_at(level))} of {judged}"

    def _judged(self, level: str) -> int:
        return sum(v.level == level and v.status.was_judged for v in self.verdicts)

    def _told(self) -> Told:
        """All of it, for a person."""
        identity, here = self.identity, ", in this process" * self.in_process
        port = ""
        if identity:
            port = f"{identity.name} {identity.version}, {identity.language}{here}"
        return Told(
            self.target,
            self.conclusion,
            self._answer(),
            self.problem,
            list(self._notes()),
            list(basis_lines(vars(self.basis))) if self.basis else [],
            [fault.record() for fault in self.faults.faults] if self.faults else [],
            self.faults.rest() if self.faults else None,
            list(_groups(self.verdicts)),
            self._missing(),
            [v.scenario for v in self.verdicts if v.status is Status.SKIPPED],
            port,
            self.seed,
            is_run=False,
        )

    def _notes(self) -> Iterator[str]:
        if self.interrupted:
            yield "interrupted: this is what was judged by then"
        if self.doubt:
            yield f"in doubt: {self.doubt}"

    def _missing(self) -> str:
        """The claims that are missing, and how many checks need each."""
        missing: Counter[str] = Counter()
        for verdict in self.verdicts:
            if self.basis is None and verdict.status is Status.NOT_CLAIMED:
                missing.update(verdict.message.split(", "))
        return ", ".join(f"{name} ({n})" for name, n in missing.most_common())


def _groups(verdicts: Sequence[Verdict]) -> Iterator[Group]:
    """The failures by level and requirement."""
    grouped: dict[tuple[str, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.status.is_failure:
            name = verdict.requirement or "no requirement"
            grouped[verdict.level, name].append(verdict)
    for (level, name), failed in grouped.items():
        first = failed[0]
        yield Group(
            name,
            level,
            len(failed),
            first.scenario,
            _evidence(first),
            first.promise if level == "MUST" else None,
            str(first.failure.kind) if first.failure else "",
        )


def _evidence(verdict: Verdict) -> str:
    failure = verdict.failure
    if failure is None:
        return evidence(verdict.status, verdict.message, verdict.reason)
    return evidence(
        verdict.status,
        failure.message,
        verdict.reason,
        failure.param,
        failure.element,
        failure.observed_text,
        failure.due_text,
    )
