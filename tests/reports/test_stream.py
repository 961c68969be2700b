"""The result stream: what is written keeps its schema, and what does not is refused.

Each rule of the schema is needed: a record breaks it alone.  Records like those that
the reader has met before are judged from memory, which agrees with jsonschema.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from schema_kit import SchemaTest, rule_ids

from adagrad_conformance.checks.kinds import Kind
from adagrad_conformance.cli.main import main
from adagrad_conformance.execution.status import REASONS, Status
from adagrad_conformance.grading.failure import FailureKind
from adagrad_conformance.grading.verdict import GRADES
from adagrad_conformance.reports.records import STREAM_VERSION
from adagrad_conformance.reports.stream import StreamError, read_stream
from adagrad_conformance.reports.stream_schema import (
    RecordSchema,
    record_schemas,
    stream_schema,
)
from adagrad_reference.scenario import LEVELS

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = stream_schema()
KINDS = ("header", "target", "fault", "check", "footer")

# -- a record of every kind ------------------------------------------------------------

PLACES = {"python": "3", "machine": "m", "system": "s", "mpmath": "1", "numpy": "2"}
HEADER = {
    **{"record": "header", "stream_version": 1, "suite": "0.1.0", "vectors": "ab"},
    **{"seed": 1, "level": "MAY", "only": None, "checks": 2, "date": "2026-01-01"},
    "environment": PLACES,
}
EXPLAINED = {
    **{"complaints": 4, "unexplained": 1},
    "first": [{"scenario": "a/b", "evidence": "p[0] = 1, due 2"}],
}
BASIS = {
    **{"judged": 3, "requirements": 78, "element_steps": 9, "size": 3, "steps": 2},
    **{"pairs": 4, "possible_pairs": 5},
    **{"not_judged": {"maximize/sign": ["maximize"]}, "silent_themes": ["maximize"]},
    **{"waived_themes": ["layout"], "lacking": ["9 element-steps"]},
}
TARGET = {
    **{"record": "target", "target": "x", "name": "x", "version": "1"},
    **{"language": "Ada", "claims": ["binary64"], "dialect": "keras"},
    **{"departs": ["eps is inside the root"], "constants": {"eps": "1e-07"}},
    **{"by_document": {"passed": 1, "judged": 2}, "explained": EXPLAINED},
    "basis": BASIS,
}
PROBLEM = {"record": "target", "target": "y", "problem": "no module y"}
PASSED = {
    **{"record": "check", "target": "x", "requirement": "a/b"},
    **{"requirements": ["a/b"], "kind": "scenario", "scenario": "a/b", "level": "MUST"},
    **{"status": "pass", "grade": "tight", "max_error_ulp": "0.5"},
    **{"mean_error_ulp": "1.5e-05", "elements": 3, "message": ""},
}
FAILED = {
    **{**PASSED, "status": "fail", "grade": "fail", "max_error_ulp": "inf"},
    **{"failure": "theta", "event": 2, "param": "p", "element": 1},
    **{"observed": "1", "expected": "2"},
    **{"outside_ulp": "3", "reproducer": {"id": "a/b"}},
}
CRASHED = {
    **{**FAILED, "requirement": None, "requirements": [], "status": "crash"},
    **{"grade": None, "max_error_ulp": None, "mean_error_ulp": None},
    **{"param": None, "element": None, "observed": None, "expected": None},
    **{"outside_ulp": None, "cause": "exited", "trouble": "exit code 1"},
}
FOOTER = {"record": "footer", "counts": {"MUST/not-claimed": 3}, "exit_code": 1}
CONFIRMED = {
    **{"id": "f", "title": "t", "promise": "p", "place": "x.py", "script": "f.py"},
    **{"confirmed": False, "seen": "", "trouble": "it ends well"},
}
FAULT = {
    **{"record": "fault", "target": "x", "fault": "eps-inside-root", "kind": "formula"},
    **{"words": "eps is inside the root", "requirement": "a/b", "level": "MUST"},
    **{"complaints": 3, "checks": 1, "against": 0, "like": ["keras"]},
    **{"switches": {"eps": "inside"}, "scenario": "a/b", "evidence": "p = 1, due 2"},
    **{"place": None},
}
WAIVED = {
    **{"id": "a/b", "reason": "by design", "place": "waivers.toml:3"},
    **{"link": "https://example.org/1", "owner": "numerics"},
}
#: What the record of a published port has more.
PUBLISHED = {
    "standing": "published",
    "played": "with torch 9",
    "evidence": {"promised": 3, "evident": 2, "source": 0},
    "faults": [CONFIRMED],
    "crossing": "port.py:12",
}
VALID = {
    "header": [HEADER, {**HEADER, "only": "a/*"}],
    "target": [
        TARGET,
        PROBLEM,
        {**TARGET, "interrupted": True, "doubt": "S is a copy"},
        {**TARGET, **PUBLISHED},
    ],
    "fault": [FAULT, {**FAULT, "requirement": None}],
    "check": [
        *(PASSED, FAILED, CRASHED),
        {**FAILED, "promise": "p", "fault": "f", "faults": ["eps-inside-root"]},
        {**FAILED, "waived": WAIVED},
    ],
    "footer": [FOOTER],
}
MORE = {
    **{kind: [3] for kind in KINDS},
    "footer": [3, {**FOOTER, "counts": {"MUST": 3}}],
}
TEST = SchemaTest(SCHEMA, VALID, MORE)
RULES = TEST.rules()


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)
    assert tuple(record_schemas()) == KINDS
    assert not TEST.unused()


@pytest.mark.parametrize(("place", "entry"), RULES, ids=rule_ids(RULES))
def test_each_rule_rejects_something_alone(place, entry):
    assert TEST.is_needed(place, entry)


def test_every_property_is_in_a_valid_record():
    """So a record breaks each of them."""
    for kind in KINDS:
        shown = {key for record in VALID[kind] for key in record}
        assert set(SCHEMA["$defs"][kind]["properties"]) <= shown


def test_the_whole_schema_takes_each_kind_and_no_other():
    whole = Draft202012Validator(SCHEMA)
    for records in VALID.values():
        assert all(map(whole.is_valid, records))
    for record in ({}, {"record": "odd"}, {**FOOTER, "record": "header"}, []):
        assert not whole.is_valid(record)


def test_the_words_of_the_schema_are_those_of_the_suite():
    check = SCHEMA["$defs"]["check"]["properties"]
    assert SCHEMA["$defs"]["level"]["enum"] == list(LEVELS)
    assert check["status"]["enum"] == [str(status) for status in Status]
    assert check["grade"]["enum"] == [*GRADES, None]
    assert check["cause"]["enum"] == [*REASONS, None]
    assert check["kind"]["enum"] == list(get_args(Kind))
    assert check["failure"]["enum"] == list(FailureKind)
    header = SCHEMA["$defs"]["header"]["properties"]
    assert header["stream_version"]["const"] == STREAM_VERSION


# -- memory ----------------------------------------------------------------------------


def has_float(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(map(has_float, value))
    return isinstance(value, float)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_judged_before_is_judged_alike(kind):
    """By a memory that holds all valid records, in both orders."""
    records = [r for r in TEST.candidates(kind) if isinstance(r, dict)]
    records = [r for r in records + VALID[kind] if not has_float(r)]
    due = [TEST.validator(kind).is_valid(record) for record in records]
    assert True in due
    assert False in due
    schema = RecordSchema(kind)
    pairs = list(zip(records, due, strict=True))
    for record, valid in (*pairs, *pairs, *reversed(pairs)):
        assert (schema.problem(record) is None) == valid, record


def test_what_equals_something_valid_is_not_valid_for_that():
    """In Python True equals 1, and so do tuples that hold them."""
    schema = RecordSchema("footer")
    assert schema.problem(FOOTER) is None
    assert schema.problem({**FOOTER, "exit_code": True}) is not None
    schema = RecordSchema("header")
    assert schema.problem(HEADER) is None
    assert schema.problem({**HEADER, "stream_version": True}) is not None


# -- what the suite writes -------------------------------------------------------------

RECORDED = sorted((ROOT / "ports" / "streams").glob("*.jsonl.gz"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name.split(".")[0])
def test_recorded_streams_are_valid(path):
    """By the reader, and some records of each by jsonschema alone."""
    stream = read_stream(path)
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    parts = (stream.targets, stream.faults, stream.checks)
    assert len(lines) == 2 + sum(map(len, parts))
    whole = Draft202012Validator(SCHEMA)
    for line in {*lines[:2], *lines[2::97], lines[-1]}:
        assert whole.is_valid(json.loads(line)), line


PORTS = """
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter


class Twice(NumpyAdapter):
    "Steps twice, and dies of a decay."

    def step(self, optimizer):
        if self.optimizers[optimizer].param_groups[0]["weight_decay"]:
            import os

            os._exit(7)
        super().step(optimizer)
        super().step(optimizer)


class Plain(NumpyAdapter):
    claims = NumpyAdapter.claims - {"layout"}
    constants = {"eps": 1e-7}
    dialect = "keras"
"""


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The file of a real run: right, wrong, of a dialect, and not there."""
    folder = tmp_path_factory.mktemp("stream")
    (folder / "ports.py").write_text(PORTS)
    out = folder / "out.jsonl"
    names = [f"{folder}/ports.py:{name}" for name in ("Twice", "Plain", "Absent")]
    only = [
        "--only",
        "[afw][lre]*[t-]*",
        "--fresh",
        "1",
        "--seed",
        "1",
        "--json",
        str(out),
    ]
    result = CliRunner().invoke(main, ["run", "numpy", *names, *only, "--jobs", "2"])
    assert result.exit_code == 3, result.output
    return out


def test_a_run_writes_valid_records_of_every_kind(real):
    records = [json.loads(line) for line in real.read_text().splitlines()]
    whole = Draft202012Validator(SCHEMA)
    for record in records:
        assert whole.is_valid(record), record
    seen = {kind: set() for kind in KINDS}
    for record in records:
        seen[record["record"]] |= set(record)
    for kind in KINDS:
        named = set(SCHEMA["$defs"][kind]["properties"])
        assert seen[kind] <= named, "a key that the schema does not name"
        # a run of checks chosen by name has no basis, and no port here is published
        published = {"standing", "played", "evidence", "faults", "promise", "fault"}
        published |= {"crossing", "interrupted", "waived"}
        assert named - seen[kind] <= {"date", "trouble", "basis", "doubt", *published}
    stream = read_stream(real)
    parts = (stream.targets, stream.faults, stream.checks)
    assert len(records) == 2 + sum(map(len, parts))
    assert stream.header["checks"] == max(
        sum(check["target"] == target["target"] for check in stream.checks)
        for target in stream.targets
    )


# -- what is refused -------------------------------------------------------------------

FRAME = [HEADER, PROBLEM, TARGET, PASSED, FAILED, CRASHED, FOOTER]


def written(folder, records):
    path = folder / "stream.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def refused(folder, records):
    """The message of the reader, one line that names the file."""
    path = written(folder, records)
    with pytest.raises(StreamError) as error:
        read_stream(path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_the_frame_is_read(tmp_path):
    stream = read_stream(written(tmp_path, FRAME))
    assert stream.header == HEADER
    assert stream.targets == (PROBLEM, TARGET)
    assert stream.checks == (PASSED, FAILED, CRASHED)
    assert stream.footer == FOOTER


def test_a_stream_is_read_compressed_and_without_its_last_line_end(tmp_path):
    text = written(tmp_path, FRAME).read_text()
    path = tmp_path / "stream.jsonl.gz"
    path.write_bytes(gzip.compress(text.rstrip("\n").encode()))
    assert read_stream(path) == read_stream(written(tmp_path, FRAME))


def test_line_separators_inside_texts_are_no_line_ends(tmp_path):
    """Other programs write them plainly; JSON allows it."""
    text = "one\u2028two\x85three"
    path = tmp_path / "stream.jsonl"
    records = [HEADER, TARGET, {**FAILED, "message": text}, FOOTER]
    lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
    path.write_text("".join(lines), encoding="utf-8")
    assert read_stream(path).checks[0]["message"] == text


#: (line from 1, change): what no stream may hold, whatever stands around it.
CHANGES = [
    (1, {"suite": None}),
    (1, {"vectors": 3}),
    (1, {"seed": "1"}),
    (1, {"environment": {**PLACES, "numpy": None}}),
    (1, {"environment": {"python": "3"}}),
    (2, {"problem": None}),
    (3, {"doubt": None}),
    (3, {"name": None}),
    (3, {"version": 1}),
    (3, {"explained": {**EXPLAINED, "complaints": -1}}),
    (4, {"target": None}),
    (4, {"requirement": 3}),
    (4, {"requirements": None}),
    (4, {"requirements": [3]}),
    (4, {"scenario": None}),
    (4, {"level": "PERHAPS"}),
    (4, {"status": "odd"}),
    (4, {"status": ["pass"]}),
    (4, {"grade": "odd"}),
    (4, {"max_error_ulp": "big"}),
    (4, {"max_error_ulp": 3}),
    (4, {"message": None}),
    (6, {"cause": "odd"}),
    (7, {"counts": None}),
    (7, {"exit_code": None}),
]


@pytest.mark.parametrize(("number", "change"), CHANGES, ids=str)
def test_a_spoiled_record_is_named_by_its_line(tmp_path, number, change):
    records = [dict(record) for record in FRAME]
    records[number - 1].update(change)
    (key,) = change
    message = refused(tmp_path, records)
    assert message.startswith(f", line {number}: $.{key}")


@pytest.mark.parametrize("number", range(1, len(FRAME) + 1))
def test_a_record_without_a_needed_key_is_named_by_its_line(tmp_path, number):
    needed = SCHEMA["$defs"][FRAME[number - 1]["record"]]["required"]
    for key in {*needed} - {"record", "stream_version"}:
        records = [dict(record) for record in FRAME]
        del records[number - 1][key]
        message = refused(tmp_path, records)
        assert message == f", line {number}: $: {key!r} is a required property"


def test_a_target_is_known_before_its_checks(tmp_path):
    message = refused(tmp_path, [HEADER, PASSED, TARGET, FOOTER])
    assert message == ", line 2: no target record for 'x'"


def test_an_unknown_record_is_named(tmp_path):
    message = refused(tmp_path, [HEADER, {"record": "odd"}, FOOTER])
    assert message == ", line 2: unknown record 'odd'"


@pytest.mark.parametrize("number", ["1.5", "1.0", "1e3", "NaN", "-Infinity"])
def test_a_float_is_refused_wherever_it_stands(tmp_path, number):
    path = written(tmp_path, FRAME)
    changed = path.read_text().replace('"complaints": 4', f'"complaints": {number}', 1)
    path.write_text(changed)
    with pytest.raises(StreamError, match=f"line 3: {number} is a float"):
        read_stream(path)


def test_a_deep_line_is_refused_in_one_line(tmp_path):
    path = written(tmp_path, FRAME)
    path.write_text(path.read_text() + "[" * 100_000 + "\n")
    with pytest.raises(StreamError, match="line 8: not JSON"):
        read_stream(path)


# -- for readers -----------------------------------------------------------------------


PAGE = (ROOT / "conformance" / "STREAM.md").read_text()


@pytest.mark.parametrize("kind", [*KINDS, "basis", "explained", "confirmed"])
def test_the_page_for_readers_lists_every_key(kind):
    """As the schema does: its name, whether it always stands, and what it means."""
    (section,) = re.findall(rf"^## `{kind}`\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S)
    table = section.partition("|---|---|---|\n")[2].partition("\n\n")[0]
    definition = SCHEMA["$defs"][kind]
    assert table.splitlines() == [
        f"| `{key}` | {'always' * (key in definition['required'])} "
        f"| {part['description']} |"
        for key, part in definition["properties"].items()
    ]


def test_the_page_for_readers_lists_every_status():
    assert re.findall(r"^\| `([a-z-]+)` \| [^|]* \|$", PAGE, re.M) == [
        str(status) for status in Status
    ]


def test_the_page_for_readers_shows_a_stream(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text(re.search(r"```json\n(.*?)```", PAGE, re.S)[1])
    assert len(read_stream(path).checks) == 1


def test_the_program_on_the_page_runs(tmp_path, monkeypatch, capsys):
    lines = map(json.dumps, FRAME)
    (tmp_path / "results.jsonl").write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path)
    exec(re.search(r"```python\n(.*?)```", PAGE, re.S)[1], {})
    assert capsys.readouterr().out == "x 1 of 3\n"
