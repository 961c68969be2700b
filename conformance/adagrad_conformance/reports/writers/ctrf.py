"""CTRF: one JSON of test results, which many reporters read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from adagrad_conformance import __version__
from adagrad_conformance.reports.formats import Supplements
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.summary import Summary

from .common import Json, Outcome, details, headline, outcome_of, plain, summaries_of

__all__ = ["write_ctrf"]

_STATUS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.ERROR: "failed",  # CTRF has no other word; rawStatus tells
    Outcome.SKIPPED: "skipped",
}


def write_ctrf(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write all targets; a stream holds no times, so that these are 0."""
    del supplements
    tests = [
        test
        for header, summary in summaries_of(streams)
        for test in _tests(header, summary)
    ]
    counts = Counter(test["status"] for test in tests)
    names = ("passed", "failed", "pending", "skipped", "other")
    results = {
        "tool": {"name": "adagrad-conformance", "version": __version__},
        "summary": {
            "tests": len(tests),
            **{name: counts[name] for name in names},
            "start": 0,
            "stop": 0,
        },
        "tests": tests,
    }
    report = {"reportFormat": "CTRF", "specVersion": "0.0.0", "results": results}
    json.dump(report, out, indent=1)
    out.write("\n")


def _tests(header: Json, summary: Summary) -> Iterator[dict[str, Any]]:
    target = plain(summary.target["target"])
    for check in summary.records:
        outcome = outcome_of(check)
        test = {
            "name": plain(check["scenario"]),
            "status": _STATUS[outcome],
            "duration": 0,
            "suite": f"{target} > {plain(check['requirement'] or check['kind'])}",
            "rawStatus": str(check["status"]),
            "tags": [check["level"]],
        }
        if outcome is not Outcome.PASSED:
            test["message"] = headline(check)
        if outcome in (Outcome.FAILED, Outcome.ERROR):
            lines = details(check, summary.faults, header["seed"])
            test["trace"] = "\n".join(lines)
        yield test
    if problem := summary.target.get("problem"):
        yield {
            "name": "could not be judged",
            "status": "failed",
            "duration": 0,
            "suite": target,
            "rawStatus": "not-judged",
            "message": plain(problem),
        }
