"""Environments of their own, and the host lent to another Python."""

from __future__ import annotations

import json
import subprocess
import venv
from pathlib import Path

import pytest
from click.testing import CliRunner

import adagrad_conformance
import adagrad_reference
from adagrad_conformance.adapters import environments
from adagrad_conformance.adapters.environments import (
    ENVIRONMENTS,
    BuildError,
    Environment,
)
from adagrad_conformance.adapters.registry import PORTS, Port
from adagrad_conformance.cli import ports as ports_command
from adagrad_conformance.cli.main import main
from adagrad_conformance.reports.stream import read_stream
from adagrad_conformance.transport import targets
from adagrad_conformance.transport.targets import parse_target

PACKAGES = (adagrad_reference.__path__[0], adagrad_conformance.__path__[0])
LAUNCHER = Path(adagrad_conformance.__file__).parent / "transport" / "bootstrap.py"
#: What builds packages, or turns bits into numbers: no part of what is judged.
HELPERS = ("numpy", "ml_dtypes", "ninja", "setuptools", "wheel", "packaging")
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


def test_every_requirement_of_an_environment_is_pinned_or_a_small_helper():
    for environment in ENVIRONMENTS.values():
        for words in environment.pip:
            for word in words:
                helper = word in HELPERS or word[0] == "-"
                assert "==" in word or helper, (environment.name, word)
        assert all("@" in package[1:] for package in environment.npm)
        assert all("=" in package for package in environment.debian)


def test_another_content_is_another_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("ADAGRAD_CONFORMANCE_PORTS", str(tmp_path))
    one, two = (Environment("x", ((f"a=={n}",),)).folder for n in (1, 2))
    assert one.parent == two.parent == tmp_path
    assert one != two


def test_the_cache_is_where_users_expect_it(monkeypatch):
    monkeypatch.delenv("ADAGRAD_CONFORMANCE_PORTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert str(environments.home()) == "/somewhere/adagrad-conformance/ports"


def test_what_cannot_be_built_is_said_in_one_line(cli, registered):
    registered(Environment("absent", (("no-such-distribution==0",),)))
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

    monkeypatch.setattr(ports_command.subprocess, "run", some)


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
