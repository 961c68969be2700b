"""Environments of their own, and the host lent to another Python."""

from __future__ import annotations

import ensurepip
import json
import os
import re
import subprocess
import venv
import zipfile
from contextlib import nullcontext
from dataclasses import fields, replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import adagrad_conformance
import adagrad_reference
from adagrad_conformance.adapters import environments
from adagrad_conformance.adapters.building import version_of
from adagrad_conformance.adapters.environment_table import ENVIRONMENTS
from adagrad_conformance.adapters.environments import BuildError, Environment
from adagrad_conformance.adapters.pinning import (
    FOLDER,
    installed,
    manifest,
    parted,
    read_pins,
)
from adagrad_conformance.adapters.registry import PORTS, Port
from adagrad_conformance.cli.main import main
from adagrad_conformance.files import ForeignFolderError
from adagrad_conformance.reports.recorded import recording
from adagrad_conformance.reports.stream import read_stream
from adagrad_conformance.transport import targets
from adagrad_conformance.transport.targets import parse_target

PACKAGES = (adagrad_reference.__path__[0], adagrad_conformance.__path__[0])
LAUNCHER = Path(adagrad_conformance.__file__).parent / "transport" / "bootstrap.py"
START = '{"seq": 1, "op": "start", "protocol": 1}\n{"seq": 2, "op": "stop"}\n'


@pytest.fixture
def cli(tmp_path, monkeypatch):
    """The command, with environments in a folder of their own."""
    monkeypatch.setenv("ADAGRAD_CONFORMANCE_PORTS", str(tmp_path / "ports"))
    return lambda *line: CliRunner().invoke(main, [str(word) for word in line])


@pytest.fixture
def registered(monkeypatch):
    """Enter environments and ports for one test."""

    def enter(environment, **ports):
        monkeypatch.setitem(ENVIRONMENTS, environment.name, environment)
        for name, port in ports.items():
            monkeypatch.setitem(PORTS, name, port)

    return enter


def test_every_port_has_a_place_and_a_known_environment():
    for name, port in PORTS.items():
        assert bool(port.place) != bool(port.program), name
        assert not port.environment or port.environment in ENVIRONMENTS, name
        assert port.environment or port.place, name


# -- pins ----------------------------------------------------------------------------


def words_of(environment):
    return [word for words in environment.pip for word in words if word[0] != "-"]


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_every_package_that_is_named_has_its_exact_version(environment):
    pins = read_pins(environment.pin_file) if environment.pip else {}
    for word in words_of(environment):
        name, version = parted(word)
        assert version, word
        assert pins[name] == version, word
    for package in environment.npm:
        assert re.fullmatch(r"@?[^@]+@\d+\.\d+\.\d+", package)
    for package in environment.debian:
        assert re.fullmatch(r"[a-z-]+=[\w.:+-]+", package)


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_every_kind_of_package_has_its_file_of_pins(environment):
    assert environment.pin_file.is_file() == bool(environment.pip or environment.npm)
    if environment.pip:
        assert {"pip", "setuptools"} <= set(read_pins(environment.pin_file))


def test_every_file_of_pins_is_used():
    used = {each.pin_file for each in ENVIRONMENTS.values()}
    assert set(FOLDER.iterdir()) <= used


@pytest.mark.parametrize("name", ["node", "node-small"])
def test_a_lock_of_npm_has_a_digest_of_each_package_and_no_address(name):
    environment = ENVIRONMENTS[name]
    text = environment.pin_file.read_text()
    packages = json.loads(text)["packages"]
    assert packages.pop("") == json.loads(manifest(environment.npm))
    for package in packages.values():
        assert package["integrity"].startswith("sha512-")
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
    assert '"resolved"' not in text


@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_what_is_built_here_is_what_is_pinned(environment):
    """Its record of what was installed, and what is there now."""
    if not environment.is_built:
        pytest.skip(f"environment {environment.name} is not built")
    stamp = json.loads((environment.folder / "built.json").read_text())
    assert stamp["name"] == environment.name
    if environment.pip:
        pins = read_pins(environment.pin_file)
        assert installed(environment.python, pins) == stamp["packages"]
    if environment.npm:
        lock = json.loads(environment.pin_file.read_text())["packages"]
        hidden = environment.folder / "node_modules" / ".package-lock.json"
        there = json.loads(hidden.read_text())["packages"]
        assert {name: each["version"] for name, each in there.items()} == {
            name: each["version"] for name, each in lock.items() if name
        }


@pytest.mark.parametrize("line", ["numpy", "numpy>=2", "-r others.txt"])
def test_a_pin_is_an_exact_version(line, tmp_path):
    (tmp_path / "pins.txt").write_text(f"# these\n\na==1\n{line}\n")
    with pytest.raises(ValueError, match="is no exact version"):
        read_pins(tmp_path / "pins.txt")


def test_names_of_packages_are_compared_as_pip_does():
    assert parted("ML_dtypes[extra]==0.6.0") == ("ml-dtypes", "0.6.0")


BASE = Environment("x", (("a==1",),), program="adapter_kits/c/adapter.c")
CHANGES = {
    "a requirement": {"pip": (("a==2",),)},
    "another list": {"pip": (("a==1",), ("b==1",))},
    "npm": {"npm": ("a@1.0.0",)},
    "debian": {"debian": ("a=1",)},
    "a setting": {"settings": (("A", "1"),)},
    "a program": {"program": "adapter_kits/cpp/adapter.cpp"},
    "a flag": {"flags": lambda python: ["-O3"]},
    "a parent": {"parent": Environment("y")},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_another_content_is_another_folder(change, monkeypatch, tmp_path):
    monkeypatch.setenv("ADAGRAD_CONFORMANCE_PORTS", str(tmp_path))
    changed = replace(BASE, **change)
    assert BASE.folder.parent == changed.folder.parent == tmp_path
    assert BASE.folder != changed.folder
    assert BASE.folder == replace(changed, **vars(BASE)).folder


def test_every_field_that_decides_the_content_has_a_change():
    known = {field for change in CHANGES.values() for field in change}
    others = {"name", "patience", "pins"}  # pins: the test below
    assert {field.name for field in fields(Environment)} == known | others


def test_another_pin_is_another_folder_also_below(tmp_path):
    pins = tmp_path / "pins.txt"
    parent = Environment("x", (("a==1",),), pins=pins)
    below = Environment("y", parent=parent)
    seen = []
    for text in ("b==1\n", "b==2\n"):
        pins.write_text(text)
        seen.append((parent.folder, below.folder))
    assert seen[0][0] != seen[1][0]
    assert seen[0][1] != seen[1][1]


@pytest.mark.parametrize("changed", ["machine", "compiler"])
def test_another_machine_or_compiler_is_another_folder(changed, monkeypatch, tmp_path):
    before = ENVIRONMENTS["c"].folder
    if changed == "machine":
        monkeypatch.setattr(environments.platform, "machine", lambda: "abacus")
    else:
        program = tmp_path / "gcc"
        program.write_text("#!/bin/sh\necho gcc 99\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
    assert ENVIRONMENTS["c"].folder != before


def test_the_version_of_a_program_is_its_first_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert version_of("abacus") == ""
    for text, seen in (("echo 1; echo 2", "1"), ("exit 3", "")):
        (tmp_path / "abacus").unlink(missing_ok=True)
        (tmp_path / "abacus").write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "abacus").chmod(0o755)
        os.utime(tmp_path / "abacus", ns=(0, len(text)))
        assert version_of("abacus") == seen


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Packages for pip: one needs two, of which there are two versions."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for name, version, needs in (("one", 1, "two"), ("two", 1, ""), ("two", 2, "")):
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        about += f"Requires-Dist: {needs}\n" if needs else ""
        info = f"{name}-{version}.dist-info"
        wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as z:
            z.writestr(f"{info}/METADATA", about)
            z.writestr(f"{info}/WHEEL", wheel)
            z.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def brought():
    """Pins of what a new environment of this Python has: nothing is fetched."""
    path = Path(ensurepip.__file__).parent / "_bundled"
    found = {}
    for wheel in path.glob("*.whl"):
        name, version, *_ = wheel.name.split("-")
        found[name] = version
    return "".join(f"{name}=={version}\n" for name, version in found.items())


def test_a_package_that_is_needed_in_turn_has_its_pinned_version(
    cli, archive, tmp_path
):
    pins = tmp_path / "pins.txt"
    pins.write_text(f"{brought()}one==1\ntwo==1\n")
    environment = Environment("x", (("one==1",),), pins=pins)
    environment.build()
    stamp = json.loads((environment.folder / "built.json").read_text())
    assert (stamp["packages"]["one"], stamp["packages"]["two"]) == ("1", "1")


@pytest.mark.parametrize(
    ("more", "words"),
    [("", "two==2"), ("two==1\n", "")],
)
def test_a_package_without_a_pin_ends_the_build(more, words, cli, archive, tmp_path):
    pins = tmp_path / "pins.txt"
    pins.write_text(f"{brought()}one==1\n{more}")
    environment = Environment("x", (("one==1",),), pins=pins)
    if not words:
        environment.build()
        return
    with pytest.raises(BuildError, match=f"its pins do not name: {words}"):
        environment.build()
    assert not environment.is_built


def test_pip_itself_has_its_pinned_version(cli, archive, tmp_path):
    """What a new environment brings stays only where that version is pinned."""
    pins = tmp_path / "pins.txt"
    pins.write_text("one==1\ntwo==1\n")
    with pytest.raises(BuildError, match="its pins do not name: pip=="):
        Environment("x", (("one==1",),), pins=pins).build()
    pins.write_text("one==1\ntwo==1\npip==0.1\n")
    with pytest.raises(BuildError, match="python failed: ERROR"):
        Environment("x", (("one==1",),), pins=pins).build()


@pytest.mark.parametrize("words", [{"pip": (("a==1",),)}, {"npm": ("a@1.0.0",)}])
def test_an_environment_without_pins_is_not_built(words, cli):
    with pytest.raises(BuildError, match=r"there is no .*, .*pins/nowhere"):
        Environment("nowhere", **words).build()


# -- building --------------------------------------------------------------------------


def test_the_cache_is_where_users_expect_it(monkeypatch):
    monkeypatch.delenv("ADAGRAD_CONFORMANCE_PORTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert str(environments.home()) == "/somewhere/adagrad-conformance/ports"


def test_what_cannot_be_built_is_said_in_one_line(cli, registered, tmp_path):
    pins = tmp_path / "pins.txt"
    pins.write_text("no-such-distribution==0\n")
    registered(Environment("absent", (("no-such-distribution==0",),), pins=pins))
    ran = cli("ports", "build", "absent")
    assert ran.exit_code == 3
    line = ran.output.strip().splitlines()
    assert any(
        x.startswith("absent: cannot be built: python failed: ERROR") for x in line
    )
    assert not ENVIRONMENTS["absent"].is_built


def test_a_missing_compiler_is_named(cli, registered, monkeypatch, tmp_path):
    source = tmp_path / "x.cpp"
    source.write_text("int main() {}\n")
    registered(Environment("compiled", program=str(source)))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match=r"g\+\+ is not installed"):
        ENVIRONMENTS["compiled"].build()


def test_without_debian_its_packages_cannot_be_had(cli, registered, monkeypatch):
    registered(Environment("headers", debian=("some-dev=1",)))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BuildError, match="apt-get is not installed"):
        ENVIRONMENTS["headers"].build()


def test_another_distribution_is_not_taken_for_debian(registered, cli, fake_apt):
    fake_apt("http://archive.example/ubuntu/")
    registered(Environment("headers", debian=("some-dev=1",)))
    with pytest.raises(BuildError, match="no archive of Debian among its sources"):
        ENVIRONMENTS["headers"].build()


def test_what_apt_says_is_told(registered, cli, fake_apt):
    fake_apt("http://archive.example/debian/")
    registered(Environment("headers", debian=("some-dev=1",)))
    with pytest.raises(BuildError, match="apt-get failed: E: Version '1'"):
        ENVIRONMENTS["headers"].build()


@pytest.fixture
def fake_apt(tmp_path, monkeypatch):
    """An apt-get that knows an archive and has no package."""

    def enter(archive):
        script = tmp_path / "apt-get"
        told = f'if [ "$1" = indextargets ]; then echo {archive}; exit 0; fi'
        refusal = "echo \"E: Version '1' was not found\" >&2; exit 100"
        script.write_text(f"#!/bin/sh\n{told}\n{refusal}\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

    return enter


def test_a_half_made_environment_is_made_anew(cli, registered, tmp_path):
    source = tmp_path / "x.cpp"
    source.write_text("int main() { return 7; }\n")
    environment = Environment("compiled", program=str(source))
    registered(environment)
    environment.folder.mkdir(parents=True)
    (environment.folder / "left-over").touch()
    assert cli("ports", "build", "compiled").output.strip().endswith("compiled: built")
    assert not (environment.folder / "left-over").exists()
    assert subprocess.run([environment.folder / "port"]).returncode == 7
    assert "compiled: is there" in cli("ports", "build", "compiled").output


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("build", "nothing"), "no port or environment 'nothing'"),
        (("build", "numpy"), "numpy runs in this Python"),
        (("record", "nothing", "-o", "x", "--seed", "1"), "no port 'nothing'"),
    ],
)
def test_wrong_usage_is_one_line(cli, line, words):
    ran = cli("ports", *line)
    assert ran.exit_code == 2
    assert words in ran.output
    assert len(ran.output.strip().splitlines()) == 1


# -- the host, lent ------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A Python that has nothing but a module of its own."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False)
    return folder


def lent(python, target, **options):
    command = [python, LAUNCHER, *PACKAGES, target]
    ran = subprocess.run(
        command, input=START, capture_output=True, text=True, **options
    )
    return ran, [json.loads(line) for line in ran.stdout.splitlines()]


PLAIN_PORT = """
import sys
from adagrad_conformance.adapters.base import Adapter
class Port(Adapter):
    name, version = "plain", ".".join(map(str, sys.version_info[:2]))
    claims = frozenset(sys.modules) & {"numpy", "mpmath", "click", "rich", "torch"}
    def begin(self, tensors): pass
    def new(self, optimizer, groups, options): pass
    def set_gradient(self, param, gradient): pass
    def step(self, optimizer): pass
    def read(self, optimizer): return {}
"""


def test_the_host_runs_where_nothing_is_installed(bare, tmp_path):
    (tmp_path / "port.py").write_text(PLAIN_PORT)
    ran, (started, stopped) = lent(bare / "bin" / "python", f"{tmp_path}/port.py:Port")
    assert started["ok"]["name"] == "plain"
    assert started["ok"]["claims"] == []  # no package but the two is there
    assert stopped == {"seq": 2, "ok": {}}
    assert ran.returncode == 0, ran.stderr


def test_the_suites_own_folder_is_not_on_the_path_of_the_port(bare, tmp_path):
    """It has modules called `stream`, `process`, `checks`: nobody else's business."""
    own = PLAIN_PORT.replace("sys.modules", "()") + "import process\n"
    (tmp_path / "port.py").write_text(own)
    _, (answer, *_) = lent(bare / "bin" / "python", f"{tmp_path}/port.py:Port")
    assert "no module 'process'" in answer["crashed"]


def test_a_port_whose_environment_is_not_built_says_what_to_do(cli, registered):
    ran = cli("run", "optax", "--seed", "1")
    assert ran.exit_code == 3
    assert "adagrad-conformance ports build jax" in " ".join(ran.output.split())
    program = Port(environment="mine", program=("node", "{folder}/x"))
    registered(Environment("mine", (("x==1",),)), program=program)
    ran = cli("run", "program", "--seed", "1")
    assert ran.exit_code == 2
    assert "'adagrad-conformance ports build mine' makes it" in ran.output
    listed = cli("ports", "list").output
    assert "environment mine, not built" in listed


def test_the_words_of_a_program_are_filled_in(cli, registered, tmp_path):
    (tmp_path / "x.cpp").touch()
    environment = Environment("mine", program=str(tmp_path / "x.cpp"))
    registered(
        environment,
        mine=Port(environment="mine", program=("{folder}/port", "{adapters}")),
    )
    environment.folder.mkdir(parents=True)
    (environment.folder / "built.json").touch()
    adapters = Path(targets.__file__).parents[1] / "adapters"
    assert parse_target("mine").command == (f"{environment.folder}/port", str(adapters))


# -- records -------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    """A run in a child process of which only a part is played."""
    whole = subprocess.run

    def some(command, **options):
        if "run" in command:
            command = [*command, "--only", "algorithm/*", "--fresh", "0"]
        return whole(command, **options)

    monkeypatch.setattr(recording.subprocess, "run", some)


def record(cli, *names, out):
    return cli("ports", "record", *names, "-o", out, "--seed", "1")


def test_a_record_is_a_stream_with_a_date_and_the_same_bytes_again(
    cli, tmp_path, quick
):
    ran = record(cli, "numpy", out=tmp_path / "out")
    assert (ran.exit_code, ran.output) == (0, "numpy: recorded\n")
    path = tmp_path / "out" / "streams" / "numpy.jsonl.gz"
    stream = read_stream(path)
    assert [t["target"] for t in stream.targets] == ["numpy"]
    assert len(stream.header["date"]) == len("2026-01-01")
    before = path.read_bytes()
    record(cli, "numpy", out=tmp_path / "out")
    assert path.read_bytes() == before


def test_what_cannot_be_run_keeps_its_record(cli, registered, tmp_path, quick):
    registered(Environment("mine", (("x==1",),)), mine=Port("x:y", "mine"))
    streams = tmp_path / "out" / "streams"
    streams.mkdir(parents=True)
    (streams / "mine.jsonl.gz").write_bytes(b"as it was")
    ran = record(cli, "mine", out=tmp_path / "out")
    assert ran.exit_code == 3
    assert ran.output == "mine: not run: its environment mine is not built\n"
    assert (streams / "mine.jsonl.gz").read_bytes() == b"as it was"


def test_a_damaged_record_is_refused(cli, tmp_path, quick):
    record(cli, "numpy", out=tmp_path)
    path = tmp_path / "streams" / "numpy.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-40])
    ran = cli("report", path, "-o", tmp_path / "REPORT.md")
    assert ran.exit_code == 2
    assert f"cannot read {path}" in ran.output
    assert not (tmp_path / "REPORT.md").exists()


def test_a_report_is_written_from_records_alone(cli, tmp_path, quick):
    record(cli, "numpy", "own/torch-single", out=tmp_path)
    streams = sorted((tmp_path / "streams").iterdir())
    ran = cli("report", *streams, "-o", tmp_path / "REPORT.md")
    assert ran.exit_code == 0, ran.output
    text = (tmp_path / "REPORT.md").read_text()
    date = read_stream(streams[0]).header["date"]
    (row,) = (x for x in text.splitlines() if x.startswith("| `numpy` | 0.1.0"))
    assert row.endswith(f"| {date} |")
    assert "| `optax` | not in these streams" in text


def test_a_record_has_no_folder_of_this_machine(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("ADAGRAD_CONFORMANCE_PORTS", '/a "home"')
    suite = Path(adagrad_conformance.__file__).parent
    text = f'File {suite}/adapters/base.py, File /a "home"/jax/lib'
    for written in (text, json.dumps(text)):
        kept = recording._without_places(written)
        assert "File adagrad_conformance/adapters/base.py, File PORTS/jax/lib" in kept


@pytest.fixture
def recorded(tmp_path):
    """A record of the port numpy: two streams, one folder of reproducers."""
    streams, scripts = tmp_path / "streams", tmp_path / "reproducers" / "numpy"
    streams.mkdir()
    scripts.mkdir(parents=True)
    (streams / "numpy.jsonl.gz").write_bytes(b"old")
    (scripts / "README.md").write_text("old")
    made = tmp_path / "made"
    made.mkdir()
    (made / "README.md").write_text("new")
    (made / "a.py").write_text("new")
    (tmp_path / "stream.jsonl").write_text('{"record": "header"}\n')
    return tmp_path


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for name in ("streams", "reproducers")
        for path in (folder / name).rglob("*")
        if path.is_file()
    }


def _keep(folder, made):
    recording._keep("numpy", folder, folder / "stream.jsonl", folder / made, 60.0)


@pytest.mark.parametrize("made", ["made", "none"])
@pytest.mark.parametrize("refused", ["stream", "scripts", "nothing"])
def test_a_record_that_cannot_be_written_is_as_it_was(
    made, refused, recorded, monkeypatch
):
    before = contents(recorded)
    full = OSError(28, "No space left on device")
    whole = recording.write_bytes

    def failing(path, data):
        if refused == "stream":
            raise full
        whole(path, data)

    def filled(source, target):
        raise full

    monkeypatch.setattr(recording, "write_bytes", failing)
    if refused == "scripts":
        monkeypatch.setattr(recording.shutil, "copyfile", filled)
    broken = refused == "stream" or (refused, made) == ("scripts", "made")
    with pytest.raises(OSError, match="No space") if broken else nullcontext():
        _keep(recorded, made)
    after = contents(recorded)
    if broken:
        assert after == before
    else:
        assert after["streams/numpy.jsonl.gz"] != b"old"
        scripts = {name for name in after if name.startswith("reproducers")}
        new = {"reproducers/numpy/README.md", "reproducers/numpy/a.py"}
        assert scripts == (new if made == "made" else set())


def test_a_folder_of_other_files_is_no_record(recorded):
    (recorded / "reproducers" / "numpy" / "thesis.tex").write_text("years of work")
    before = contents(recorded)
    with pytest.raises(ForeignFolderError):
        _keep(recorded, "made")
    assert contents(recorded) == before


def test_what_is_not_written_is_said_in_a_line(cli, tmp_path, quick, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(recording, "write_bytes", full)
    ran = record(cli, "numpy", out=tmp_path / "out")
    place = tmp_path / "out" / "streams" / "numpy.jsonl.gz"
    words = f"not recorded: cannot write {place}: No space left on device"
    assert (ran.exit_code, ran.output) == (3, f"numpy: {words}\n")
