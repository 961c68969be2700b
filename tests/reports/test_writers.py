"""The forms that other tools read: read back by readers of their own."""

import io
import json
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from report_kit import MIXED, check, stream, target

from adagrad_conformance.reports.formats import FILES

FAULT = {
    **{"record": "fault", "target": "port", "fault": "eps-inside-root"},
    **{"kind": "formula", "place": None, "words": "eps is <inside> the root | `x`"},
    **{"requirement": "algorithm/update", "level": "MUST", "complaints": 5},
    **{"checks": 1, "against": 0, "like": [], "switches": {}},
    **{"scenario": "algorithm/c/binary32", "evidence": "p[0] = 1, due 2"},
}
EVIL = 'x\x00\x1b[31m<&>"]]>\u202e\ud800 </testcase>'


def written(name, *streams):
    out = io.StringIO()
    FILES[name].write(streams, out)
    return out.getvalue()


def whole():
    """A stream with a check of every kind of outcome."""
    shown = [dict(record) for record in MIXED]
    failing = next(c for c in shown if c["status"] == "fail" and c["level"] == "MUST")
    failing["faults"] = ["eps-inside-root"]
    waived = check("algorithm/w/binary64", "fail")
    waived["waived"] = {"id": "a", "reason": "by design", "place": "w.toml:3"}
    return stream([target()], [*shown, waived], [FAULT])


def numbers(given):
    """(all, failed, in error, skipped) by the words of FRONT: counted by hand here."""
    found = [0, 0, 0, 0]
    for record in given.checks:
        found[0] += 1
        status = record["status"]
        if "waived" in record or status in ("not-claimed", "skipped", "waived"):
            found[3] += 1
        elif status == "fail":
            found[3 if record["level"] == "MAY" else 1] += 1
        elif status != "pass":
            found[2] += 1
    return found


# -- JUnit -----------------------------------------------------------------------------


def test_junit_counts_are_those_of_the_stream(tmp_path):
    given = whole()
    path = tmp_path / "out.xml"
    path.write_text(written("junit", given))
    xml = JUnitXml.fromfile(str(path))
    assert [xml.tests, xml.failures, xml.errors, xml.skipped] == numbers(given)
    cases = [case for suite in xml for case in suite]
    kinds = [type(case.result[0]) for case in cases if case.result]
    assert kinds.count(Failure) == numbers(given)[1]
    assert kinds.count(Error) == numbers(given)[2]
    assert kinds.count(Skipped) == numbers(given)[3]
    names = [(case.classname, case.name) for case in cases]
    assert len(set(names)) == len(names)  # GitLab drops a second one


def test_a_junit_failure_says_all_in_its_content_and_a_skip_in_its_message():
    root = ElementTree.fromstring(written("junit", whole()).encode())
    failure = root.find(".//failure")
    assert failure.text.startswith(failure.get("message"))
    assert "fault eps-inside-root: eps is <inside> the root" in failure.text
    assert failure.text.splitlines()[-1].startswith("adagrad-conformance run port ")
    messages = [skipped.get("message") for skipped in root.iter("skipped")]
    assert "waived: by design" in messages
    assert all(messages)
    assert not [case for case in root.iter("testcase") if len(case) > 1]


def test_what_cannot_be_judged_is_a_case_in_error():
    given = stream([target(problem="could not be loaded")], [])
    root = ElementTree.fromstring(written("junit", given).encode())
    assert root.get("errors") == "1"
    assert root.find(".//error").text == "could not be loaded"


@pytest.mark.parametrize("name", FILES)
def test_words_of_a_port_are_no_markup(name):
    records = [
        check("a/b/1", "fail", message=EVIL),
        check("a/b/2", "crash", message=EVIL),
        check("a/b/3", "not-claimed", message=EVIL),
    ]
    hostile = {**FAULT, "words": EVIL, "evidence": EVIL}
    text = written(name, stream([target(version=EVIL)], records, [hostile]))
    assert not set(text) & {"\x00", "\x1b", "\u202e"}
    if name in ("junit", "badge-svg"):
        root = ElementTree.fromstring(text.encode())
        assert len(root.findall(".//testcase")) == (3 if name == "junit" else 0)
    elif name in ("ctrf", "badge"):
        json.loads(text)
    else:
        assert "<" not in text.replace("&lt;", "").replace("`", "")


# -- CTRF, badge, digest ---------------------------------------------------------------


def test_ctrf_counts_are_those_of_the_stream():
    given = whole()
    results = json.loads(written("ctrf", given))["results"]
    number, failed, broken, skipped = numbers(given)
    counts = results["summary"]
    assert counts["tests"] == len(results["tests"]) == number
    assert counts["failed"] == failed + broken
    assert counts["skipped"] == skipped
    assert sum(counts[n] for n in ("passed", "failed", "skipped")) == number
    for test in results["tests"]:
        assert {"name", "status", "duration"} <= test.keys()


@pytest.mark.parametrize(
    ("records", "message", "colour"),
    [
        ([check("a/b/1")] * 3, "3/3 MUST", "brightgreen"),
        ([*[check("a/b/1")] * 833, check("a/b/2", "fail")], "833/834 MUST", "red"),
        ([check("a/b/1", "not-claimed")], "not judged", "lightgrey"),
        (
            [check("a/b/1"), {**check("a/b/2", "fail"), "waived": {"reason": "x"}}],
            "1/2 MUST",
            "red",
        ),
    ],
)
def test_a_badge_never_rounds_up(records, message, colour):
    given = stream([target()], records)
    badge = json.loads(written("badge", given))
    assert badge == {
        **{"schemaVersion": 1, "label": "adagrad"},
        **{"message": message, "color": colour},
    }
    svg = ElementTree.fromstring(written("badge-svg", given))
    assert svg.get("aria-label") == f"adagrad: {message}"


def test_a_badge_of_a_selection_says_so():
    given = stream([target()], [check("a/b/1")])
    given.header["only"] = "a/*"
    badge = json.loads(written("badge", given))
    assert (badge["message"], badge["color"]) == ("1/1 of a selection", "lightgrey")


def test_a_digest_has_the_verdict_the_faults_and_how_to_see_them_again():
    text = written("digest", whole())
    first, *lines = text.splitlines()
    assert first == "### NOT CONFORMANT: `port`"
    assert "1 failures are waived" in text
    row = next(line for line in lines if line.startswith("| `eps-inside-root`"))
    assert "&lt;inside>" in row
    assert len(row.replace("\\|", "").split("|")) == 6
    assert "Again: `adagrad-conformance run port --only algorithm/c/binary32" in text
    assert len(text) < 2**20
