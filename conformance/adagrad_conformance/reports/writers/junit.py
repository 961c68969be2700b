"""JUnit XML (xunit2): a suite for each target, a case for each check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TextIO
from xml.etree import ElementTree

from adagrad_conformance.reports.formats import Supplements
from adagrad_conformance.reports.records import Stream
from adagrad_conformance.reports.summary import Summary

from .common import Json, Outcome, details, headline, outcome_of, plain, summaries_of

__all__ = ["write_junit"]

_TAGS = {
    Outcome.FAILED: "failure",
    Outcome.ERROR: "error",
    Outcome.SKIPPED: "skipped",
}


def write_junit(
    streams: Sequence[Stream], out: TextIO, supplements: Supplements
) -> None:
    """Write all targets.

    GitLab shows the content of a failure alone, Jenkins the message of a skipped case
    alone: both are written.  A target that could not be judged is one case in error.
    """
    del supplements
    root = ElementTree.Element("testsuites", name="adagrad-conformance")
    counts: Counter[Outcome] = Counter()
    for header, summary in summaries_of(streams):
        counts += _suite(root, header, summary)
    _count(root, counts)
    ElementTree.indent(root)
    out.write('<?xml version="1.0" encoding="utf-8"?>\n')
    out.write(ElementTree.tostring(root, encoding="unicode") + "\n")


def _suite(
    root: ElementTree.Element, header: Json, summary: Summary
) -> Counter[Outcome]:
    target = plain(summary.target["target"])
    suite = ElementTree.SubElement(root, "testsuite", name=target)
    counts: Counter[Outcome] = Counter()
    for check in summary.records:
        outcome = outcome_of(check)
        counts[outcome] += 1
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"{target}.{plain(check['requirement'] or check['kind'])}",
            name=plain(check["scenario"]),
            time="0",
        )
        if outcome is Outcome.PASSED:
            continue
        line = headline(check)
        found = ElementTree.SubElement(case, _TAGS[outcome], message=line)
        if outcome is not Outcome.SKIPPED:
            found.set("type", plain(check.get("failure") or check["status"]))
            line = "\n".join([line, *details(check, summary.faults, header["seed"])])
        found.text = line
    if problem := summary.target.get("problem"):
        counts[Outcome.ERROR] += 1
        case = ElementTree.SubElement(
            suite, "testcase", classname=target, name="could not be judged", time="0"
        )
        told = ElementTree.SubElement(case, "error", message=plain(problem))
        told.set("type", "not-judged")
        told.text = plain(problem)
    _count(suite, counts)
    return counts


def _count(element: ElementTree.Element, counts: Counter[Outcome]) -> None:
    element.set("tests", str(counts.total()))
    element.set("failures", str(counts[Outcome.FAILED]))
    element.set("errors", str(counts[Outcome.ERROR]))
    element.set("skipped", str(counts[Outcome.SKIPPED]))
    element.set("time", "0")
