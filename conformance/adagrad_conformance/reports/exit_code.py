"""The exit code of a run over several targets."""

from __future__ import annotations

from collections.abc import Iterable

from adagrad_conformance.evaluation.result import TargetResult

__all__ = ["INTERRUPTED", "exit_code"]

#: Of a run that a signal ended: 128 and the number of SIGINT, as shells have it.
INTERRUPTED = 130


def exit_code(results: Iterable[TargetResult], strict: bool) -> int:
    """0 conforms, 1 does not, 3 a target failed to load, 4 too little was judged.

    With `strict`, a SHOULD that fails counts as a MUST.  Over several targets the
    gravest wins, in the order 3, 1, 4, 0.  An interrupted run has `INTERRUPTED`.
    """
    results = list(results)
    if any(result.interrupted for result in results):
        return INTERRUPTED
    codes = {result.exit_code(strict) for result in results}
    return next((code for code in (3, 1, 4) if code in codes), 0 if codes else 4)
