"""Records and streams for tests of what is written from them."""

from __future__ import annotations

from adagrad_conformance.reports.records import Stream

HOSTILE = "a | b * <c> `d` [e](f) _g_"


def target(name="port", **more):
    record = {
        "record": "target",
        "target": name,
        "name": name,
        "version": "1.0",
        "language": "Ada",
        "claims": ["binary32"],
    }
    return {**record, **more}


def check(scenario, status="pass", level="MUST", name="port", **more):
    failed = {"event": 2, "param": "p", "element": 1, "observed": "1", "expected": "2"}
    record = {
        "record": "check",
        "target": name,
        "requirement": "algorithm/update",
        "requirements": ["algorithm/update"],
        "scenario": scenario,
        "level": level,
        "status": status,
        "grade": "tight" if status == "pass" else None,
        "max_error_ulp": "0.5" if status == "pass" else None,
        "mean_error_ulp": "0.25" if status == "pass" else None,
        "elements": 3,
        "message": "" if status == "pass" else "theta is outside",
        **(failed if status == "fail" else {}),
    }
    return {**record, **more}


def stream(targets, checks, faults=()):
    header = {
        "record": "header",
        "stream_version": 1,
        "suite": "0.1.0",
        "vectors": "0123456789abcdef" * 4,
        "seed": 42,
        "level": "MAY",
        "only": None,
        "environment": {
            "python": "3", "machine": "m", "system": "s", "mpmath": "1", "numpy": "2",
        },
    }  # fmt: skip
    footer = {"record": "footer", "counts": {}, "exit_code": 0}
    return Stream(header, tuple(targets), tuple(checks), footer, tuple(faults))


MIXED = [
    check("algorithm/a/binary32"),
    check("algorithm/b/binary32", grade="lawful", max_error_ulp="2.75"),
    check("algorithm/c/binary32", "fail", grade="fail"),
    check("groups/d/binary32", "crash", message="boom"),
    check("groups/e/binary32", "timeout", message="no answer within 60 s"),
    check("groups/f/binary32", "malformed", message="bad"),
    check("groups/g/binary32", "waived", message="declared"),
    check("groups/h/binary32", "not-claimed", message="groups"),
    check("groups/i/binary32", "not-claimed", message="groups"),
    check("groups/j/binary32", "fail", "SHOULD"),
    check("groups/k/binary32", "pass", "SHOULD", grade="exact", max_error_ulp="0"),
    check("groups/l/binary32", "fail", "MAY"),
    check("layout/m/binary32", "not-claimed", "SHOULD", message="layout"),
]
