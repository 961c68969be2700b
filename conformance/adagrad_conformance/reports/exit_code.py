"""The exit code of a run."""

from __future__ import annotations

from collections.abc import Iterable

from adagrad_conformance.evaluation import TargetResult

__all__ = ["exit_code"]


def exit_code(results: Iterable[TargetResult], strict: bool) -> int:
    """0 conforms, 1 does not, 3 a target failed to load, 4 nothing was judged.

    With `strict`, a SHOULD that fails counts as a MUST.  Over several targets the
    gravest wins, in the order 3, 1, 4, 0.
    """
    codes = {_target_code(result, strict) for result in results}
    return next((code for code in (3, 1, 4) if code in codes), 0 if codes else 4)


def _target_code(result: TargetResult, strict: bool) -> int:
    if result.problem:
        return 3
    levels = ("MUST", "SHOULD") if strict else ("MUST",)
    if any(v.level in levels and v.status.is_failure for v in result.verdicts):
        return 1
    return 0 if any(v.status.was_judged for v in result.verdicts) else 4
