"""Streams and files for the tests of the gate."""

from adagrad_conformance.reports.records import Stream

TARGET = "mine.py:Mine"
HEADER = {
    "record": "header",
    "vectors": "0" * 64,
    "seed": 1,
    "only": None,
    "environment": {"system": "Linux"},
}


def check(scenario, status="pass", requirement=None, **more):
    name = requirement or scenario.rpartition("/")[0]
    record = {
        "record": "check",
        "target": TARGET,
        "scenario": scenario,
        "requirement": name,
        "requirements": [name],
        "level": "MUST",
        "status": status,
        "grade": "lawful" if status == "pass" else None,
        "max_error_ulp": "0.5" if status == "pass" else None,
        "message": "" if status == "pass" else "theta is wrong",
    }
    if status == "fail":
        record["outside_ulp"] = "3"
    return {**record, **more}


def fault(name, **more):
    record = {"record": "fault", "target": TARGET, "fault": name}
    return {**record, "words": f"it is {name}", "checks": 1, **more}


def stream(*checks, faults=(), version="1.0", **header):
    red = any(c["status"] != "pass" and c["level"] == "MUST" for c in checks)
    target = {"record": "target", "target": TARGET, "version": version}
    footer = {"record": "footer", "counts": {}, "exit_code": int(red)}
    return Stream({**HEADER, **header}, (target,), checks, footer, tuple(faults))
