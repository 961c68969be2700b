"""The summary for people: counts, verdict, what to do next."""

from __future__ import annotations

from report_kit import MIXED, check, target
from rich.console import Console

from adagrad_conformance.reports.summary import summaries
from adagrad_conformance.reports.terminal import print_summary

# -- the terminal --------------------------------------------------------------------


def printed(targets, checks, width=100):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    for summary in summaries(targets, checks):
        print_summary(console, summary)
    return console.export_text()


def test_the_terminal_shows_counts_verdict_and_what_to_do():
    text = printed([target()], MIXED)
    assert "NOT CONFORMANT: 3 of 7 MUST checks pass, 1 findings at SHOULD" in text
    assert "Failures at MUST (4)" in text
    assert "Findings at SHOULD (1)" in text
    assert "Reported at MAY (1)" in text
    assert "not claimed (checks that need it): groups (2), layout (1)" in text
    assert "next: adagrad-conformance explain algorithm/c/binary32" in text


def test_the_terminal_takes_brackets_for_text():
    text = printed(
        [target("exec:port [bold]x[/]", problem="[red]no[/red] [/]")],
        [],
    )
    assert "exec:port [bold]x[/]" in text
    assert "[red]no[/red] [/]" in text
    text = printed([target()], [check("a/b", "fail", message="[/] [bold]")])
    assert "[/] [bold]" in text


def test_the_terminal_shows_a_failure_without_requirement():
    bare = check("mine/first", "fail", requirement=None, requirements=[])
    text = printed([target()], [bare])
    assert "mine/first" in text
    assert "None" not in text
