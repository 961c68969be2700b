"""The shipped vector files: well formed, unaltered, complete, readable by others."""

from __future__ import annotations

import copy
import json
import math
import random
import re
import shutil
import struct
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from adagrad_conformance.checks import vector_files as library
from adagrad_conformance.checks.scenarios.families import FAMILIES
from adagrad_conformance.checks.selection import known_checks
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.cli.main import main
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.vectors import (
    MANIFEST,
    VectorError,
    digest,
    read_family,
    read_manifest,
)

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
DATA = VECTORS / "data"
NAMES = sorted(path.name for path in DATA.glob("*.json") if path.name != MANIFEST)
RAW = {name: (DATA / name).read_bytes() for name in NAMES}
FILES = {name: json.loads(raw) for name, raw in RAW.items()}
ALL = [vector for name in NAMES for vector in FILES[name]["vectors"]]
DIGESTS = {name: digest(raw) for name, raw in RAW.items()}
BY_ID = {vector["id"]: vector for vector in ALL}
SCHEMA = json.loads((VECTORS / "schema.json").read_text())
FORMATS = {"binary64", "binary32", "bfloat16", "binary16"}
COMPLEX_FORMATS = {"binary64", "binary32"}  # the pairs that frameworks have

#: Ids that were published, quoted and must stay.
QUOTED = (
    "algorithm/eps-outside-root/binary64",
    "groups/refuses-lr-decay-nan/binary32",
    "layout/every-other-element/bfloat16",
    "lr-decay/first-step-uses-lr/binary32",
    "maximize/with-weight-decay/binary16",
    "none-vs-zero/interleaved-1/everything/binary64",
    "numerics/ordinary-1/binary32",
    "special-values/default-eps/binary16",
    "state-dict/new-process/after-3-steps/binary32",
    "weight-decay/off-with-infinite-theta/binary64",
)


@pytest.fixture
def folder(tmp_path):
    """A copy of the data that may be spoiled."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


@pytest.fixture
def no_computing(monkeypatch):
    """`verify` compares with the shipped texts, which one test computes in earnest."""
    texts = [(name, RAW[name].decode()) for name in NAMES]
    texts.append((MANIFEST, (DATA / MANIFEST).read_text()))
    monkeypatch.setattr(library, "generated_texts", lambda: iter(texts))


def verify(folder):
    return CliRunner().invoke(main, ["vectors", "verify", str(folder)])


# -- the files -----------------------------------------------------------------------


def test_verify_computes_the_shipped_files_again():
    result = CliRunner().invoke(main, ["vectors", "verify"])
    assert result.exit_code == 0, result.output
    assert {line.split(":")[0] for line in result.output.splitlines()} == {
        *NAMES,
        MANIFEST,
    }


def test_the_manifest_lists_every_file_with_its_digest():
    assert read_manifest(DATA) == DIGESTS


def test_there_is_a_file_for_every_family():
    assert {f"{family.FAMILY}.json" for family in FAMILIES} == set(NAMES)


def test_the_files_stay_small():
    size = sum(path.stat().st_size for path in DATA.iterdir())
    assert size < 9 * 2**20, f"{size / 2**20:.1f} MiB: give steps fewer elements"


def test_the_family_is_the_file_name_and_the_first_word_of_every_id():
    for name, file in FILES.items():
        assert file["family"] == name.removesuffix(".json")
        words = {vector["id"].split("/")[0] for vector in file["vectors"]}
        assert words == {file["family"]}


# -- the schema ----------------------------------------------------------------------


def validator(part=None):
    schema = {"$ref": part, "$defs": SCHEMA["$defs"]} if part else SCHEMA
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    valid = validator("#/$defs/manifest")
    valid.validate(json.loads((DATA / MANIFEST).read_text()))


@pytest.mark.parametrize("name", NAMES)
def test_every_file_matches_the_schema(name):
    wrong = next(validator().iter_errors(FILES[name]), None)
    assert wrong is None, f"{wrong.json_path}: {wrong.message[:200]}"


def places(data, path=()):
    """(container, key) of everything inside a JSON value."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in pairs:
        yield data, key, (*path, key)
        if isinstance(value, (dict, list)):
            yield from places(value, (*path, key))


EXAMPLES = (
    "numerics/ordinary-1/binary32",
    "groups/refuses-lr-decay-nan/binary32",
    "layout/every-other-element/binary16",
    "state-dict/deepcopy/after-0-steps/binary64",
    "special-values/nan-gradient/bfloat16",
)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_schema_is_strict(name):
    """A further key in any object, or an encoding in other digits, is refused."""
    valid = validator("#/$defs/vector")
    vector = copy.deepcopy(BY_ID[name])
    assert valid.is_valid(vector)
    by_name = {"tensors", "params", "gradients"}  # objects keyed by param
    for data, key, path in list(places(vector)):
        value = data[key]
        if isinstance(value, dict) and key not in by_name:
            data[key] = {**value, "surplus": 1}
            assert not valid.is_valid(vector), path
        elif key == 0 and path[-2] in ("bits", "lo", "hi"):
            for bad in (value[1:], value[:-1] + "F"):
                data[key] = bad
                assert not valid.is_valid(vector), (path, bad)
        data[key] = value


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_schema_demands_every_key(name):
    valid = validator("#/$defs/vector")
    vector = copy.deepcopy(BY_ID[name])
    optional = {"theta", "exact", "nan", "layout", "loss"}
    for data, key, path in list(places(vector)):
        inside = path[-2] if len(path) > 1 else None
        free = inside in ("options", "tensors", "params", "gradients")
        if not isinstance(data, dict) or key in optional or free:
            continue
        value = data.pop(key)
        assert not valid.is_valid(vector), path
        data[key] = value


# -- ids, levels, flags --------------------------------------------------------------


def test_ids_are_unique_paths_of_words():
    assert len(BY_ID) == len(ALL)
    word = "[a-z0-9]+(-[a-z0-9]+)*"
    for name in BY_ID:
        assert re.fullmatch(f"{word}(/{word})+", name), name


def test_quoted_ids_are_still_there():
    assert not set(QUOTED) - set(BY_ID)


def test_the_last_word_of_an_id_names_the_formats_of_its_params():
    for vector in ALL:
        formats = {tensor["format"] for tensor in vector["tensors"].values()}
        assert formats == set(vector["id"].split("/")[-1].split("-and-")), vector["id"]


def test_every_theme_comes_in_all_four_formats():
    for name, file in FILES.items():
        tensors = [t for v in file["vectors"] for t in v["tensors"].values()]
        due = COMPLEX_FORMATS if name == "complex.json" else FORMATS
        assert {tensor["format"] for tensor in tensors} == due, name


def test_every_flag_is_explained_and_every_explanation_is_needed():
    for name, file in FILES.items():
        used = {flag for vector in file["vectors"] for flag in vector["flags"]}
        assert used == set(file["notes"]), name


def test_requirements_are_known_and_the_first_one_gives_the_level():
    for vector in ALL:
        assert not set(vector["requirements"]) - set(REQUIREMENTS), vector["id"]
        level = REQUIREMENTS[vector["requirements"][0]].level
        assert vector["level"] == level, vector["id"]


def test_every_requirement_with_scenarios_in_files_is_decided_there():
    decided = {name for vector in ALL for name in vector["requirements"]}
    themes = {name.removesuffix(".json") for name in NAMES}
    due = {name for name in REQUIREMENTS if name.split("/")[0] in themes}
    shipped = {vector["id"] for vector in ALL}
    others = known_checks(library.Library.read(DATA))
    elsewhere = {
        name
        for check in others
        if check.id not in shipped
        for name in check.requirements
    }
    assert due - decided - elsewhere == {"numerics/fresh"}  # from the seed alone


# -- altered, missing, foreign -------------------------------------------------------


def flipped(raw, bit):
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def flips(name, count):
    """The first and the last bit, and random ones."""
    bits = 8 * len(RAW[name])
    source = random.Random(f"flips/{name}")
    return [0, bits - 1, *(source.randrange(bits) for _ in range(count - 2))]


def vector_at(name, byte):
    """(vector, its beginning, the end of its id) around a byte of a file, if any."""
    marks = re.finditer(rb'"id": "([^"]+)"', RAW[name])
    before = [mark for mark in marks if mark.start() <= byte]
    return (before[-1][1].decode(), before[-1].end()) if before else (None, 0)


@pytest.mark.parametrize("name", NAMES)
def test_reading_refuses_any_altered_bit(name, tmp_path):
    due = digest(RAW[name])
    for bit in flips(name, 25):
        (tmp_path / name).write_bytes(flipped(RAW[name], bit))
        with pytest.raises(VectorError, match=rf"{name} is altered.*vectors verify"):
            read_family(tmp_path, name, due)


def test_reading_refuses_any_altered_bit_of_the_manifest(tmp_path):
    """At once, or because a name or a digest fits no file."""
    raw, path = (DATA / MANIFEST).read_bytes(), tmp_path / MANIFEST
    for bit in range(8 * len(raw)):
        path.unlink(missing_ok=True)  # writing over a file can be slow
        path.write_bytes(flipped(raw, bit))
        try:
            altered = set(read_manifest(tmp_path).items()) - set(DIGESTS.items())
            assert altered, f"bit {bit} of {MANIFEST} is not found"
            if bit % 40 == 0:  # the same refusal again and again
                for name, due in altered:
                    read_family(DATA, name, due)
                pytest.fail(f"bit {bit} of {MANIFEST} is not refused")
        except VectorError:
            continue


@pytest.mark.parametrize("name", NAMES)
def test_the_difference_names_line_and_vector(name):
    for bit in flips(name, 12):
        byte = bit // 8
        vector, _ = vector_at(name, byte)
        text = library._difference(flipped(RAW[name], bit), RAW[name])
        line = RAW[name][:byte].count(b"\n") + 1
        assert f"byte {byte}, line {line}" in text
        if vector and byte > vector_at(name, byte)[1]:
            assert f" in {vector}:" in text


def test_a_bit_inside_an_id_names_the_whole_id():
    name = "algorithm.json"
    start = RAW[name].index(b'"id": "') + len(b'"id": "')
    vector, end = vector_at(name, start)
    for byte in range(start, end - 1):
        text = library._difference(flipped(RAW[name], 8 * byte), RAW[name])
        assert f" in {vector}:" in text


def test_a_truncated_or_longer_file_differs():
    raw = RAW["maximize.json"]
    for stored in (b"", raw[:-1], raw[: len(raw) // 2], raw + b"\n"):
        assert library._difference(stored, raw) is not None
    assert library._difference(raw, raw) is None


def test_verify_names_file_line_and_vector_and_fails(folder, no_computing):
    assert verify(folder).exit_code == 0
    name = "weight-decay.json"
    byte = RAW[name].index(b'"lo"')
    (folder / name).write_bytes(flipped(RAW[name], 8 * byte))
    result = verify(folder)
    assert result.exit_code == 1
    assert "1 files differ" in result.stderr or "1 file differs" in result.stderr
    line = next(x for x in result.output.splitlines() if x.startswith(name))
    assert f"byte {byte}, line " in line
    assert vector_at(name, byte)[0] in line


def test_verify_finds_a_missing_and_a_further_file(folder, no_computing):
    (folder / "groups.json").rename(folder / "troups.json")
    result = verify(folder)
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert any(x.startswith("groups.json: cannot be read") for x in lines)
    assert any(x.startswith("troups.json: is not one of") for x in lines)


def test_reading_names_a_missing_file(folder):
    (folder / "groups.json").unlink()
    with pytest.raises(VectorError, match=r"cannot read .*groups\.json"):
        Library.read(folder)


def test_reading_names_a_missing_manifest(tmp_path):
    with pytest.raises(VectorError, match=rf"cannot read .*{MANIFEST}"):
        Library.read(tmp_path)


def test_another_version_is_refused(folder):
    """Also where the digests fit: files and program must be of one release."""
    newer = RAW["maximize.json"].replace(b'"format_version": 1', b'"format_version": 2')
    (folder / "maximize.json").write_bytes(newer)
    manifest = json.loads((folder / MANIFEST).read_text())
    manifest["files"]["maximize.json"] = digest(newer)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(VectorError, match=r"maximize\.json has format version 2"):
        Library.read(folder)
    (folder / MANIFEST).write_text(json.dumps({**manifest, "format_version": 7}))
    with pytest.raises(VectorError, match=r"MANIFEST\.json has format version 7"):
        Library.read(folder)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "7", "null", '{"format_version": 1}', "\udcff",
     '{"format_version": 1, "files": []}', '{"format_version": 1, "files": {"a": 1}}'],
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(tmp_path, text):
    (tmp_path / MANIFEST).write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(VectorError):
        Library.read(tmp_path)


def test_generate_writes_what_it_is_given(tmp_path, no_computing):
    target = tmp_path / "new"
    result = CliRunner().invoke(main, ["vectors", "generate", "--output", str(target)])
    assert result.exit_code == 0, result.output
    assert {p.name: p.read_bytes() for p in target.iterdir()} == {
        path.name: path.read_bytes() for path in DATA.iterdir()
    }
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_generate_never_destroys_what_it_did_not_write(tmp_path, no_computing):
    precious = tmp_path / "thesis" / "chapter.tex"
    precious.parent.mkdir()
    precious.write_text("years of work")
    output = str(precious.parent)
    CliRunner().invoke(main, ["vectors", "generate", "--output", output])
    assert precious.is_file()
    assert precious.read_text() == "years of work"


def test_generate_that_breaks_off_leaves_the_old_files(folder, monkeypatch):
    def broken():
        yield "algorithm.json", "{}"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(library, "generated_texts", broken)
    result = CliRunner().invoke(main, ["vectors", "generate", "--output", str(folder)])
    assert result.exit_code == 2
    assert "No space left" in result.stderr
    assert (folder / "algorithm.json").read_bytes() == RAW["algorithm.json"]
    assert [path.name for path in folder.parent.iterdir()] == ["data"]


def test_generate_leaves_files_of_json_that_are_not_its_own(tmp_path, no_computing):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.json").write_text("{}")
    output = str(tmp_path / "mine")
    result = CliRunner().invoke(main, ["vectors", "generate", "--output", output])
    assert result.exit_code == 2
    assert "holds other files; choose a folder for vectors" in result.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.json"]


# -- a reader in another language ----------------------------------------------------
# From here on only json, struct and math: what vectors/README.md says is enough.

CODES = {"binary64": (">d", ">Q"), "binary32": (">f", ">I")}


def number(fmt, digits):
    return struct.unpack(CODES[fmt][0], bytes.fromhex(digits))[0]


def stored(fmt, value):
    """Rounded to the format of the params."""
    try:
        return struct.unpack(CODES[fmt][0], struct.pack(CODES[fmt][0], value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def divide(a, b):
    if b:
        return a / b
    return math.nan if a == 0 or a != a else math.copysign(math.inf, a)


def naive_step(theta, g, total, t, o):
    """Adagrad in double precision, as anybody would write it."""
    rate = o["lr"] / (1 + (t - 1) * o["lr_decay"])
    if o["maximize"]:
        g = -g
    if o["weight_decay"] != 0:
        g += o["weight_decay"] * theta
    total += g * g
    root = math.sqrt(total) if total == total else math.nan
    return theta - divide(rate * g, root + o["eps"]), total


DEFAULTS = {
    "lr": 1e-2,
    "lr_decay": 0.0,
    "weight_decay": 0.0,
    "initial_accumulator_value": 0.0,
    "eps": 1e-10,
    "maximize": False,
}


PLAYED = {"new", "set-state", "step", "set-option", "zero-grad"}


def is_plain(vector):
    """One optimizer, wide formats, and no event but those that `Reader` knows."""
    return (
        {event["do"] for event in vector["events"]} <= PLAYED
        and len({event["optimizer"] for event in vector["events"]}) == 1
        and all(tensor["format"] in CODES for tensor in vector["tensors"].values())
        and all("loss" not in event for event in vector["events"])
        and not any(
            "indices" in (gradient or {})
            for event in vector["events"]
            for gradient in event.get("gradients", {}).values()
        )
        and all(due["outcome"] == "ok" for due in vector["expect"])
    )


def is_single_step(vector):
    return [event["do"] for event in vector["events"]].count("step") == 1


def options_of(given):
    return {
        name: value if isinstance(value, bool) else number("binary64", value["bits"])
        for name, value in given.items()
    }


class Reader:
    """Plays one vector with a naive Adagrad."""

    def __init__(self, vector):
        self.tensors = vector["tensors"]
        self.theta = {name: self.numbers(t) for name, t in self.tensors.items()}
        self.gradients = dict.fromkeys(self.tensors)
        self.sums, self.t, self.groups = {}, {}, []

    def numbers(self, tensor):
        return [number(tensor["format"], digits) for digits in tensor["bits"]]

    def event(self, event):
        if event["do"] == "new":
            defaults = {**DEFAULTS, **options_of(event["options"])}
            for group in event["groups"]:
                self.new_group(
                    group["params"], {**defaults, **options_of(group["options"])}
                )
        elif event["do"] == "set-state":
            self.sums[event["param"]] = self.numbers(event["sum"])
            self.t[event["param"]] = event["t"]
        elif event["do"] == "set-option":
            value = options_of({event["option"]: event["value"]})
            self.groups[event["group"]][1].update(value)
        elif event["do"] == "zero-grad":
            for name, g in self.gradients.items():
                gone = g is None or event["set_to_none"]
                self.gradients[name] = None if gone else [0.0] * len(g)
        else:
            for name, g in event["gradients"].items():
                self.gradients[name] = None if g is None else self.numbers(g)
            self.step()

    def new_group(self, params, options):
        self.groups.append((params, options))
        for name in params:
            tau = stored(
                self.tensors[name]["format"], options["initial_accumulator_value"]
            )
            self.sums[name], self.t[name] = [tau] * len(self.theta[name]), 0

    def step(self):
        for params, options in self.groups:
            for name in params:
                if self.gradients[name] is not None:
                    self.t[name] += 1
                    self.step_param(name, options)

    def step_param(self, name, options):
        fmt = self.tensors[name]["format"]
        starts = zip(
            self.theta[name], self.gradients[name], self.sums[name], strict=True
        )
        stepped = [naive_step(*start, self.t[name], options) for start in starts]
        self.theta[name] = [stored(fmt, theta) for theta, _ in stepped]
        self.sums[name] = [stored(fmt, total) for _, total in stepped]


def passes(vector):
    """Whether every event leaves what the file expects."""
    reader = Reader(vector)
    for event, due in zip(vector["events"], vector["expect"], strict=True):
        before = dict(reader.theta), dict(reader.sums), dict(reader.t)
        reader.event(event)
        for name, tensor in vector["tensors"].items():
            fmt, param = tensor["format"], due["params"].get(name, {})
            kept = zip((reader.theta, reader.sums, reader.t), before, strict=True)
            if not param and any(now.get(name) != old.get(name) for now, old in kept):
                return False
            if param.get("t", reader.t.get(name)) != reader.t.get(name):
                return False
            for part, values in (("theta", reader.theta), ("sum", reader.sums)):
                boxes = param.get(part, {}).get("lawful")
                if boxes and not all(inside(fmt, boxes, values[name])):
                    return False
    return True


def inside(fmt, boxes, values):
    nan = boxes.get("nan", [False] * len(values))
    return [
        flag if x != x else number(fmt, lo) <= x <= number(fmt, hi)
        for lo, hi, flag, x in zip(boxes["lo"], boxes["hi"], nan, values, strict=True)
    ]


def test_a_naive_reader_passes():
    played = [vector for vector in ALL if is_plain(vector)]
    assert not [vector["id"] for vector in played if not passes(vector)]
    assert sum(map(is_single_step, played)) >= 60
    assert len(played) >= 200


@pytest.mark.parametrize(
    "wrong",
    [{"lr": 0.0101}, {"eps": 1e-3}, {"lr_decay": 0.01}, {"weight_decay": 0.01},
     {"maximize": True}, {"initial_accumulator_value": 0.1}],
    ids=str,
)  # fmt: skip
def test_a_naive_reader_with_a_wrong_default_fails(wrong, monkeypatch):
    """So the boxes are narrow enough to tell, and every default is tested."""
    monkeypatch.setitem(DEFAULTS, *next(iter(wrong.items())))
    assert not all(passes(vector) for vector in ALL if is_plain(vector))


def test_tight_boxes_lie_in_lawful_ones_and_exact_single_steps_in_both():
    for vector in ALL:
        single = is_single_step(vector)
        for event in vector["expect"]:
            for name, param in event.get("params", {}).items():
                fmt = vector["tensors"][name]["format"]
                for part in ("theta", "sum"):
                    if fmt in CODES and part in param:
                        check_nesting(fmt, param[part], vector["id"], single)


def check_nesting(fmt, numbers, name, single):
    lawful, tight = numbers["lawful"], numbers["tight"]
    for i, (lo, hi) in enumerate(zip(tight["lo"], tight["hi"], strict=True)):
        if number(fmt, lo) <= number(fmt, hi):
            assert number(fmt, lawful["lo"][i]) <= number(fmt, lo), name
            assert number(fmt, hi) <= number(fmt, lawful["hi"][i]), name
    if single and "exact" in numbers:
        values = [number(fmt, digits) for digits in numbers["exact"]["bits"]]
        assert all(inside(fmt, lawful, values)), name
        assert all(inside(fmt, tight, values)), name


# -- the worked example of the README ------------------------------------------------


README = (VECTORS / "README.md").read_text()
EXAMPLE = BY_ID["numerics/ordinary-1/binary32"]


def test_the_readme_quotes_its_example_rightly():
    new, state, step = EXAMPLE["events"]
    due = {
        "θ": EXAMPLE["tensors"]["p"]["bits"][0],
        "S": state["sum"]["bits"][0],
        "g": step["gradients"]["p"]["bits"][0],
        **{name: value["bits"] for name, value in new["options"].items()},
    }
    rows = re.findall(r"^\| (\S+) \| `([0-9a-f]+)` \| (\S+) \|$", README, re.MULTILINE)
    assert {name: digits for name, digits, _ in rows} == due
    for _, digits, decimal in rows:
        fmt = "binary32" if len(digits) == 8 else "binary64"
        assert number(fmt, digits) == float(decimal)
    assert f"t = {state['t']}, and steps" in README
    assert f"step t = {state['t'] + 1}" in README


def test_the_arithmetic_of_the_readme_is_right():
    new, state, step = EXAMPLE["events"]
    o = {k: number("binary64", v["bits"]) for k, v in new["options"].items()}
    theta, s, g = (
        number("binary32", digits)
        for digits in (
            EXAMPLE["tensors"]["p"]["bits"][0],
            state["sum"]["bits"][0],
            step["gradients"]["p"]["bits"][0],
        )
    )
    rate = o["lr"] / (1 + state["t"] * o["lr_decay"])
    plain = g
    g += o["weight_decay"] * theta
    total = s + g * g
    result = theta - rate * g / (math.sqrt(total) + o["eps"])
    for value in (rate, g, total, result, s + plain * plain):
        assert f"{value!r}" in README
    shown = (3.7 / 2.2, g * g, -rate * g, math.sqrt(total) + o["eps"], theta, plain, s)
    for value in shown[1:]:
        assert math.floor(abs(value) * 1e4) / 1e4 == pytest.approx(abs(value), abs=1e-4)
        assert f"{math.floor(abs(value) * 1e4) / 1e4:.4f}..." in README
    assert shown[0] == rate


def test_the_readme_gives_the_boxes_of_the_file():
    due = EXAMPLE["expect"][-1]["params"]["p"]
    text = " ".join(README.split())
    lawful, tight = due["theta"]["lawful"], due["theta"]["tight"]
    total = due["sum"]["lawful"]
    assert (
        f"expects t = {due['t']}, S from `{total['lo'][0]}` to `{total['hi'][0]}`, "
        f"θ from `{lawful['lo'][0]}` to `{lawful['hi'][0]}` (lawful) or "
        f"`{tight['lo'][0]}` to `{tight['hi'][0]}` (tight)"
    ) in text
    exact = due["theta"]["exact"]["bits"][0]
    assert f"S is `{due['sum']['exact']['bits'][0]}` and θ is `{exact}`" in text
    coupled_free = float(re.search(r"gets S = (\S+):", text)[1])
    assert not inside(
        "binary32",
        {"lo": total["lo"][:1], "hi": total["hi"][:1]},
        [stored("binary32", coupled_free)],
    )[0]


def test_the_readme_names_every_event_key_and_format():
    words = SCHEMA["$defs"]["event"]["properties"]["do"]["enum"]
    keys = [*SCHEMA["properties"], *SCHEMA["$defs"]["vector"]["properties"]]
    for word in (*words, *FORMATS, *keys, *SCHEMA["$defs"]["layout"]["properties"]):
        if word != "generated_by":
            assert f"`{word}`" in README, word
