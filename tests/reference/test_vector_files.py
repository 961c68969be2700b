"""Vectors as texts: they survive, they are deterministic, and damage is found."""

from __future__ import annotations

import json
import math

import pytest
from json_kit import through_text

from adagrad_reference.flags import Flag
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Load,
    New,
    Save,
    Scenario,
    Step,
    Tensor,
)
from adagrad_reference.vectors import (
    FORMAT_VERSION,
    MANIFEST,
    Vector,
    VectorError,
    digest,
    family_text,
    manifest_text,
    read_family,
    read_manifest,
    vector_from_json,
    vector_to_json,
)


def plain_tensor(fmt, *values):
    return Tensor(fmt, (len(values),), tuple(FORMATS[fmt].encode(v) for v in values))


def examples(fmt="binary32"):
    """Vectors with boxes, NaN, an empty box, a refusal and a load."""
    a = plain_tensor(fmt, 1.0, math.inf, 0.5, -2.0)
    g = plain_tensor(fmt, 0.25, 1.0, math.inf, 0.0)
    script = (
        New("o", (Group(("a",)),), {"lr": 0.5, "eps": 2.0**-10}),
        Step("o", {"a": g}),
        Save("o", "s"),
        Step("o"),
        AddGroup("o", Group(("a",))),
        Load("o", "s", "deepcopy"),
    )
    return [
        Vector.of(
            Scenario(
                "f/one", ("algorithm/update",), "MUST", {"a": a}, script, (Flag.TIE,)
            )
        ),
        Vector.of(
            Scenario("f/two", ("algorithm/initial",), "MAY", {"a": a}, script[:2])
        ),
    ]


@pytest.mark.parametrize("fmt", FORMATS)
def test_vectors_survive(fmt):
    for vector in examples(fmt):
        data = through_text(vector_to_json(vector))
        back = vector_from_json(data)
        assert through_text(vector_to_json(back)) == data
        assert back.scenario == vector.scenario
        for got, want in zip(back.expect, vector.expect, strict=True):
            assert (got.refusal, list(got.params)) == (want.refusal, list(want.params))
            for name, param in want.params.items():
                assert got.params[name].t == param.t
                assert got.params[name].theta == param.theta
                assert got.params[name].state_sum == param.state_sum


def test_a_vector_is_what_is_played():
    one = examples()[0]
    assert len(one.expect) == len(one.scenario.events)
    assert one.expect[4].refusal == "a param is already in a group"
    data = vector_to_json(one)["expect"]
    assert data[4] == {"outcome": "refused", "reason": one.expect[4].refusal}
    assert data[1]["params"]["a"]["theta"]["lawful"]["nan"] == [
        False,
        False,
        True,
        False,
    ]
    assert data[2] == {"outcome": "ok", "params": {}}


def write(folder, text, name="one.json"):
    (folder / name).write_text(text)
    (folder / MANIFEST).write_text(manifest_text({name: text}))


def test_files_are_read_back(tmp_path):
    text = family_text("one", examples())
    write(tmp_path, text)
    manifest = read_manifest(tmp_path)
    assert manifest == {"one.json": digest(text.encode())}
    assert len(digest(b"")) == 64
    read = read_family(tmp_path, "one.json", manifest["one.json"])
    assert read == [through_text(vector_to_json(vector)) for vector in examples()]


def test_the_text_is_deterministic_and_readable():
    text = family_text("one", examples())
    assert text == family_text("one", iter(examples()))
    data = json.loads(text)
    assert data["format_version"] == FORMAT_VERSION
    assert data["notes"] == {"tie": Flag.TIE.meaning}
    assert text.endswith("}\n")
    assert len(text.splitlines()) > 40


def test_a_manifest_is_sorted():
    assert list(json.loads(manifest_text({"b": "", "a": ""}))["files"]) == ["a", "b"]


def one_line(caught):
    """The message, which must be one clear line."""
    message = str(caught.value)
    assert "\n" not in message
    assert 20 < len(message) < 400
    return message


def test_an_altered_bit_is_found(tmp_path):
    text = family_text("one", examples())
    write(tmp_path, text)
    expected = read_manifest(tmp_path)["one.json"]
    raw = bytearray(text.encode())
    for place in (0, len(raw) // 2, len(raw) - 1):
        changed = bytearray(raw)
        changed[place] ^= 1
        (tmp_path / "one.json").write_bytes(changed)
        with pytest.raises(VectorError) as caught:
            read_family(tmp_path, "one.json", expected)
        message = one_line(caught)
        assert "one.json is altered" in message
        assert "verify" in message


def test_missing_files(tmp_path):
    for read in (read_manifest, lambda f: read_family(f, "one.json", "0" * 64)):
        with pytest.raises(VectorError) as caught:
            read(tmp_path)
        assert "cannot read" in one_line(caught)
        assert "No such file" in str(caught.value)


BROKEN = ["", "{", "[]", "5", "null", '"text"', "{}", '{"files": {}}', "\ufeff{}"]


@pytest.mark.parametrize("text", BROKEN)
def test_damaged_json(tmp_path, text):
    write(tmp_path, text)
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(VectorError) as caught:
        read_manifest(tmp_path)
    assert MANIFEST in one_line(caught)
    with pytest.raises(VectorError) as caught:
        read_family(tmp_path, "one.json", digest(text.encode()))
    assert "one.json" in one_line(caught)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / MANIFEST).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(VectorError, match="no vector file"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_is_refused(tmp_path, version):
    text = json.dumps({"format_version": version, "vectors": [], "files": {}})
    write(tmp_path, text)
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(VectorError) as caught:
        read_manifest(tmp_path)
    assert f"version {version!r}" in one_line(caught)
    with pytest.raises(VectorError):
        read_family(tmp_path, "one.json", digest(text.encode()))


def test_a_file_without_its_list_is_no_vector_file(tmp_path):
    text = json.dumps({"format_version": FORMAT_VERSION})
    write(tmp_path, text)
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(VectorError):
        read_manifest(tmp_path)
    with pytest.raises(VectorError):
        read_family(tmp_path, "one.json", digest(text.encode()))
