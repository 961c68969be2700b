"""The result of one target: verdicts, failures, diagnosis, and their text."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adagrad_conformance.diagnosis.wording import explanation_text
from adagrad_conformance.execution.status import Status
from adagrad_reference.dialects import DIALECTS
from adagrad_reference.scenario import LEVELS

from .conclusion import Conclusion, basis_lines, conclude, evidence

if TYPE_CHECKING:  # an import of the result loads no arithmetic
    from adagrad_conformance.diagnosis.explanation import Diagnosis
    from adagrad_conformance.execution.observations import Seen
    from adagrad_conformance.grading.verdict import Verdict
    from adagrad_conformance.transport.identity import Identity

    from .basis import Basis

__all__ = ["TargetResult"]

#: How many failed requirements of a level are printed.
_SHOWN = 5
#: The heading of the failures of a level.
_HEADINGS = {"MUST": "failures at", "SHOULD": "findings at", "MAY": "reported at"}


@dataclass(repr=False)
class TargetResult:
    """What became of one target.

    `str` gives the answer first, then counts, the first failures with their values, and
    the diagnosis; `repr` is one line.
    """

    target: str
    identity: Identity | None = None  #: None if the port could not be started
    verdicts: list[Verdict] = field(default_factory=list)
    problem: str | None = None  #: why the port could not be judged at all
    doubt: str | None = None  #: what the adapter may do wrong, if it is not the port
    #: All that was observed, where `keep` demands it.
    seen: Sequence[Seen] = ()
    diagnosis: Diagnosis | None = None  #: what explains the failures at MUST
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
        too_little = bool(self.basis and self.basis.lacking)
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
        return "\n".join(self._lines())

    def _answer(self) -> str:
        if self.problem:
            return f"{self.conclusion}: {self.target}, {self.problem}"
        dialect = ""
        if self.identity and DIALECTS[self.identity.dialect].words:
            dialect = f" by its dialect {self.identity.dialect}"
        passed = f"{self._passed('MUST')} MUST checks pass"
        return f"{self.conclusion}{dialect}: {self.target}, {passed}"

    def _passed(self, level: str) -> str:
        """As in '3 of 4': how many checks of a level pass, of those judged."""
        judged = self._judged(level)
        return f"{judged - len(self.failed_at(level))} of {judged}"

    def _judged(self, level: str) -> int:
        return sum(v.level == level and v.status.was_judged for v in self.verdicts)

    def _lines(self) -> Iterator[str]:
        yield self._answer()
        if self.problem:
            return
        if self.doubt:
            yield f"  in doubt: {self.doubt}"
        if self.basis:
            yield from (f"  {line}" for line in basis_lines(vars(self.basis)))
        for level in filter(self._judged, LEVELS[1:]):
            yield f"  {self._passed(level)} {level} checks pass"
        for level in LEVELS:
            yield from _failures(level, self.failed_at(level))
        yield from self._not_judged()
        if self.diagnosis:
            yield f"  diagnosis: {explanation_text(vars(self.diagnosis.first))}"
        if self.identity:
            identity, here = self.identity, ", in this process" * self.in_process
            port = f"{identity.name} {identity.version}, {identity.language}"
            yield f"  port: {port}{here}"
        if self.seed is not None:
            yield f"  seed: {self.seed}"

    def _not_judged(self) -> Iterator[str]:
        """The claims that are missing, and what cannot be run on this machine."""
        missing: Counter[str] = Counter()
        for verdict in self.verdicts:
            if self.basis is None and verdict.status is Status.NOT_CLAIMED:
                missing.update(verdict.message.split(", "))
        if missing:
            listed = ", ".join(f"{name} ({n})" for name, n in missing.most_common())
            yield f"  not claimed (checks that need it): {listed}"
        skipped = [v.scenario for v in self.verdicts if v.status is Status.SKIPPED]
        if skipped:
            yield f"  not run here: {', '.join(skipped)}"


def _failures(level: str, failed: Sequence[Verdict]) -> Iterator[str]:
    """The first failure of each of the first requirements."""
    if not failed:
        return
    yield f"  {_HEADINGS[level]} {level} ({len(failed)})"
    grouped: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in failed:
        grouped[verdict.requirement or "no requirement"].append(verdict)
    for name, verdicts in list(grouped.items())[:_SHOWN]:
        yield f"    {name} ({len(verdicts)}), such as {verdicts[0].scenario}"
        yield f"      {_evidence(verdicts[0])}"
        if verdicts[0].promise and level == "MUST":
            yield f"      promised: {verdicts[0].promise}"
    if len(grouped) > _SHOWN:
        yield f"    and {len(grouped) - _SHOWN} more requirements"


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
