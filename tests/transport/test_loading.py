"""Modules of the user's, loaded in real child processes: no other module is shadowed.

A folder of a user holds whatever names it likes.  Each of its modules that takes the
place of another one raises as soon as it is imported.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import adagrad_conformance
from adagrad_conformance.execution.runner import play
from adagrad_conformance.transport.errors import NotLoaded
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import parse_target
from adagrad_reference.scenario import Group, Load, New, Save, Scenario, Step, Tensor

PATIENCE = 60.0
TRAP = "raise RuntimeError('shadowed: ' + __name__)\n"
#: Of the standard library: some that Python loads at once, some that a port loads late.
LIBRARY = ("json", "types", "typing", "enum", "random", "copy", "queue", "numbers")

PORT = """
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter

class MyAdagrad(NumpyAdapter):
    version = __name__
"""

PARAM = Tensor("binary64", (2,), (0, 0x3FF0000000000000))
MADE = New("A", (Group(("p",)),), {"lr": 0.5, "eps": 1e-3})
STEP = Step("A", {"p": Tensor("binary64", (2,), (1, 2))})
PLAIN = Scenario("test/plain", (), "MUST", {"p": PARAM}, (MADE, STEP))


def write(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The user's folder, which is the working folder too."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(target, scenario=PLAIN):
    """The identity of a target's port, which also plays a scenario."""
    candidate = SubprocessClient(parse_target(target).command, PATIENCE)
    try:
        identity = candidate.start()
        seen = play(candidate, scenario)
        assert seen.status is None, seen.message
        return identity
    finally:
        candidate.close()


# -- the standard library --------------------------------------------------------------


@pytest.mark.parametrize("name", LIBRARY)
def test_a_file_named_like_a_module_of_the_library(folder, name):
    write(folder, **{name: f"{PORT}\nimport {name} as real\nassert real.__spec__\n"})
    (folder / f"{name}.py").write_text(
        f"{PORT}\nimport {name} as real\nassert real.__file__ != __file__\n"
    )
    assert started(f"{name}.py:MyAdagrad").version == f"{name}_"


@pytest.mark.parametrize("target", ["port.py:MyAdagrad", "port:MyAdagrad", "numpy"])
def test_files_beside_it_do_not_shadow_the_library(folder, target):
    write(folder, port=PORT, **dict.fromkeys(LIBRARY, TRAP))
    assert started(target).name == "numpy"


def test_an_empty_part_of_pythonpath_is_no_reason(folder, monkeypatch):
    """It means the working folder, and comes before the library."""
    write(folder, random=f"{PORT}\nimport random\nassert random.Random\n")
    monkeypatch.setenv("PYTHONPATH", f":{os.environ.get('PYTHONPATH', '')}")
    assert started("random.py:MyAdagrad").version == "random_"


def test_a_module_named_like_one_of_the_library(folder):
    write(folder, random=PORT)
    assert started("random:MyAdagrad").version == "random_"


def test_a_package_named_like_one_of_the_library_is_not_found(folder):
    (folder / "json").mkdir()
    write(folder / "json", __init__="", mine=PORT)
    with pytest.raises(NotLoaded, match=r"'json' is the standard library's; rename"):
        started("json.mine:MyAdagrad")


@pytest.mark.parametrize("module", ["adagrad_conformance.host", "adagrad_conformance"])
def test_commands_by_module_in_a_folder_of_such_names(folder, module):
    """Python itself puts the working folder first, there."""
    write(folder, port=PORT, random=TRAP, json=TRAP, queue=TRAP)
    words = ["port.py:MyAdagrad"]
    if module == "adagrad_conformance":
        words = ["run", *words, "--only", "algorithm/*/binary64", "--fresh", "0"]
    ran = subprocess.run(
        [sys.executable, "-m", module, *words],
        input='{"seq": 1, "op": "start", "protocol": 1}\n',
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert '"seq":1,"ok"' in ran.stdout or "CONFORMANT" in ran.stdout


def test_the_launcher_s_own_folder_shadows_nothing():
    """It is searched first until bootstrap.py removes it."""
    folder = Path(adagrad_conformance.__file__).parent / "transport"
    assert not {path.stem for path in folder.iterdir()} & sys.stdlib_module_names


# -- installed packages ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["numpy", "mpmath", "adagrad_reference"])
def test_a_file_named_like_an_installed_package(folder, name):
    write(folder, **{name: f"{PORT}\nimport {name} as real\nassert real.__path__\n"})
    assert started(f"{name}.py:MyAdagrad").version == f"{name}_"


def test_torch_optimizers_in_files_of_any_name(folder):
    """As in a folder of ports, a file for each framework."""
    mine = """
        import torch
        class MyAdagrad(torch.optim.Adagrad): pass
    """
    write(folder, torch=mine, random=mine, numpy=TRAP, typing=TRAP)
    for name in ("torch", "random"):
        assert "state" in started(f"{name}.py:MyAdagrad").claims


@pytest.fixture
def installed(tmp_path_factory, monkeypatch):
    """A folder of other packages, searched before the user's."""
    place = tmp_path_factory.mktemp("installed")
    path = os.pathsep.join([str(place), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    return place


@pytest.mark.parametrize("target", ["adapter.py:MyAdagrad", "mine.port:MyAdagrad"])
def test_a_checkout_is_preferred_to_an_older_copy(folder, installed, target):
    for place, version in ((installed, "older"), (folder, "newer")):
        (place / "mine").mkdir()
        write(place / "mine", __init__="", port=f"{PORT}\n    version = {version!r}\n")
    write(folder, adapter="from mine.port import MyAdagrad\n")
    assert started(target).version == "newer"


def test_a_single_file_is_not_taken_for_an_installed_package(folder, installed):
    write(installed, tools="KIND = 'installed'\n")
    write(folder, tools=TRAP, port=f"{PORT}\nimport tools\nassert tools.KIND\n")
    assert started("port.py:MyAdagrad").version == "port"


# -- the file itself -------------------------------------------------------------------


def test_a_file_imports_its_siblings_and_is_imported_by_them(folder):
    inner = folder / "inner"
    inner.mkdir()
    write(
        inner,
        port=f"""{PORT}
            import sibling
            assert sibling.made() is MyAdagrad
        """.replace("\n            ", "\n"),
        sibling="""
            def made():
                from port import MyAdagrad
                return MyAdagrad
        """,
    )
    assert started("inner/port.py:MyAdagrad").version == "port"


#: Keeps a state as a pickled object of the module's own class.
PICKLES = (
    PORT
    + """
import pickle

class State:
    def __init__(self, payload):
        self.payload = payload

def save(self, optimizer, name):
    return pickle.dumps(State(NumpyAdapter.save(self, optimizer, name)))

def load(self, optimizer, name, via, payload):
    if payload is not None:
        payload = pickle.loads(payload).payload
    NumpyAdapter.load(self, optimizer, name, via, payload)

MyAdagrad.save, MyAdagrad.load = save, load
"""
)


@pytest.mark.parametrize("stem", ["port", "random", "numpy", "my.port", "my-port"])
def test_another_process_finds_the_classes_of_pickled_state(folder, stem):
    (folder / f"{stem}.py").write_text(PICKLES)
    events = (MADE, STEP, Save("A", "s"), MADE, Load("A", "s", "new-process"))
    moved = Scenario("test/moved", (), "MUST", {"p": PARAM}, events)
    started(f"{stem}.py:MyAdagrad", moved)


@pytest.mark.parametrize("stem", ["port", "random"])
def test_a_traceback_shows_the_line_of_the_file(folder, stem):
    fault = "    def step(self, optimizer): raise LookupError('lost')  # here\n"
    (folder / f"{stem}.py").write_text(PORT + fault)
    candidate = SubprocessClient(parse_target(f"{stem}.py:MyAdagrad").command, PATIENCE)
    candidate.start()
    seen = play(candidate, PLAIN)
    candidate.close()
    line = 1 + PORT.count("\n")
    assert f'File "{folder / stem}.py", line {line}, in step' in seen.message
    assert "raise LookupError('lost')  # here" in seen.message


def test_a_module_of_another_place_is_named(folder):
    with pytest.raises(NotLoaded, match=r"textwrap \(.*textwrap\.py\) has no 'Mine'"):
        started("textwrap:Mine")
