"""Files and folders are replaced whole or not at all, wherever a fault strikes."""

from __future__ import annotations

import ast
import errno
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import fault_kit
import pytest
from click.testing import CliRunner
from fault_kit import (
    ACTIONS,
    NEW,
    OLD,
    STRIKES,
    ours,
    prepared,
    put,
    read,
    replace,
    tidy,
)

from adagrad_conformance import files
from adagrad_conformance.cli.main import main
from adagrad_conformance.cli.outputs import check_writable
from adagrad_conformance.errors import UserError
from adagrad_conformance.files import (
    ForeignFolderError,
    remove_folder,
    replace_folder,
    write_bytes,
    write_text,
)

# -- a fault at each step --------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("strike", STRIKES)
def test_a_fault_at_any_step_leaves_the_old_or_the_new(action, strike):
    """A step is a line of files.py or shutil; each is a child process of its own."""
    before, after, _ = ACTIONS[action]
    ran = subprocess.run(
        [sys.executable, fault_kit.__file__, action, strike],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    outcomes = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [found["step"] for found in outcomes] == list(range(len(outcomes)))
    for found in outcomes:
        assert found["end"] == (9 if strike == "SIGKILL" else 0), found
        between = (strike, action, found["seen"]) == ("SIGKILL", "two renames", None)
        seen = before if between else found["seen"]  # the old one is put back
        assert seen in (before, after), found
        assert found["then"] == seen, found
        assert found["names"] == ([] if seen is None else ["place"]), found
    assert {str(before), str(after)} == {str(found["then"]) for found in outcomes}


@pytest.mark.parametrize("refused", ["rename", "replace", "fsync", "chmod", "mkdir"])
@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("action", ACTIONS)
def test_an_error_of_the_system_leaves_the_old_and_no_trace(
    action, refused, at, tmp_path, monkeypatch
):
    """Each call that changes something fails: the first, the second, the third."""
    before, after, _ = ACTIONS[action]
    whole, counted = getattr(os, refused), itertools.count()

    def failing(*given, **more):
        if next(counted) == at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return whole(*given, **more)

    with prepared(action, tmp_path) as (place, act):
        expected = after
        with monkeypatch.context() as patch:
            patch.setattr(os, refused, failing)
            try:
                act(place)
            except OSError:
                expected = before
        if (refused, at) == ("rename", 2):  # what is replaced keeps its second name
            tidy(action, place)
        assert read(place) == expected
    assert {path.name for path in tmp_path.iterdir()} <= {"place"}


def test_what_cannot_be_removed_is_removed_the_next_time(tmp_path, monkeypatch):
    with prepared("exchange", tmp_path) as (place, act):
        with monkeypatch.context() as patch:
            patch.setattr(files, "_remove", lambda path: None)
            act(place)
        assert len(list(tmp_path.iterdir())) == 2
        replace(place, OLD)
        assert read(place) == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_what_another_process_makes_is_no_leftover(tmp_path):
    place = tmp_path / "place"
    with replace_folder(place, ours) as first:
        (first / "a.json").write_text("first")
        with replace_folder(place, ours) as second:
            assert first.is_dir()
            (second / "a.json").write_text("second")
        assert read(place) == {"a.json": "second"}
    assert read(place) == {"a.json": "first"}


def test_what_has_another_name_is_no_leftover(tmp_path):
    others = {
        ".place.tmp",
        ".place.0123456789abcdeg.tmp",
        ".places.0123456789abcdef.tmp",
    }
    for name in others:
        (tmp_path / name).touch()
    replace(tmp_path / "place")
    assert {path.name for path in tmp_path.iterdir()} == {*others, "place"}


def test_where_folders_cannot_be_locked_nothing_is_tidied(tmp_path, monkeypatch):
    """As on some network drives: another process may still make it."""
    monkeypatch.setattr(files, "_lock", lambda *given: False)
    leftover = tmp_path / ".place.0123456789abcdef.tmp"
    leftover.touch()
    replace(tmp_path / "place")
    assert read(tmp_path / "place") == NEW
    assert leftover.exists()


def test_no_other_module_replaces_or_removes_folders():
    """Adapters excepted: they have folders of their own, for a run or a build."""
    suite = Path(files.__file__).parent
    words = {"rename", "renames", "rmtree", "mkdtemp", "copytree", "move"}
    for path in suite.rglob("*.py"):
        if path.parts[len(suite.parts)] in ("files.py", "adapters"):
            continue
        calls = [n.func for n in ast.walk(ast.parse(path.read_text())) if is_call(n)]
        assert not {call.attr for call in calls} & words, path
        assert "os.replace" not in map(ast.unparse, calls), path


def is_call(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)


# -- what is there, and what cannot be written -----------------------------------------


@pytest.mark.parametrize("content", [{"note.txt": ""}, {**OLD, ".hidden": ""}])
@pytest.mark.parametrize(
    "act", [replace, lambda place: remove_folder(place, ours)], ids=["new", "none"]
)
def test_a_folder_with_other_files_is_left_alone(content, act, tmp_path):
    place = tmp_path / "place"
    put(place, content)
    with pytest.raises(ForeignFolderError, match=r"place .* holds other files"):
        act(place)
    assert read(place) == content
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_a_folder_with_more_than_files_is_left_alone(kind, tmp_path):
    place = tmp_path / "place"
    put(place, OLD)
    if kind == "folder":
        (place / "c.json").mkdir()
    else:
        (place / "c.json").symlink_to(tmp_path)
    with pytest.raises(ForeignFolderError):
        replace(place)
    assert (place / "c.json").is_dir()


def test_what_is_put_there_in_the_meantime_is_left_alone(tmp_path):
    place = tmp_path / "place"
    put(place, OLD)
    with pytest.raises(ForeignFolderError), replace_folder(place, ours):
        (place / "note.txt").write_text("mine")
    assert read(place) == {**OLD, "note.txt": "mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["place"]


def test_a_file_in_place_of_the_folder_is_left_alone(tmp_path):
    place = tmp_path / "place"
    place.write_text("precious")
    for act in (replace, lambda place: remove_folder(place, ours)):
        with pytest.raises(ForeignFolderError, match="is there and is no folder"):
            act(place)
    assert read(place) == "precious"


def test_a_link_to_a_folder_is_followed(tmp_path):
    place, link = tmp_path / "inner" / "place", tmp_path / "link"
    put(place, OLD)
    link.symlink_to(place)
    replace(link)
    assert link.is_symlink()
    assert read(place) == NEW
    assert [path.name for path in (tmp_path / "inner").iterdir()] == ["place"]
    link.unlink()
    link.symlink_to("nowhere")
    replace(link)
    assert read(tmp_path / "nowhere") == NEW


def test_an_empty_folder_is_replaced_and_keeps_its_mode(tmp_path):
    place = tmp_path / "place"
    place.mkdir(mode=0o750)
    replace(place)
    assert read(place) == NEW
    assert place.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_new_files_and_folders_have_the_mode_that_the_mask_gives(mask, tmp_path):
    before = os.umask(mask)
    try:
        replace(tmp_path / "place")
        write_text(tmp_path / "file", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "place").stat().st_mode & 0o777 == 0o777 & ~mask
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_file_keeps_its_mode_and_a_link_is_followed(tmp_path):
    place, link = tmp_path / "place", tmp_path / "link"
    place.write_text("old")
    place.chmod(0o600)
    link.symlink_to(place)
    write_text(link, "new")
    assert link.is_symlink()
    assert place.read_text() == "new"
    assert place.stat().st_mode & 0o777 == 0o600


def test_no_folder_to_be_in(tmp_path):
    for act in (replace, lambda place: write_text(place, "x")):
        with pytest.raises(FileNotFoundError):
            act(tmp_path / "none" / "place")
    remove_folder(tmp_path / "none" / "place", ours)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def folder_of_root():
    """Make a folder of a mode, and act as a user who is neither its owner nor root."""
    if os.getuid() != 0:
        pytest.skip("only root can make a folder of another user")

    def make(mode):
        place.mkdir()
        place.chmod(mode)
        os.setresuid(65534, 65534, 0)
        return place

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "place")
        Path(folder).chmod(0o755)
        try:
            yield make
        finally:
            os.setresuid(0, 0, 0)


def test_a_folder_that_cannot_be_written(folder_of_root):
    folder = folder_of_root(0o755)
    for act in (replace, lambda place: write_text(place, "x")):
        with pytest.raises(PermissionError):
            act(folder / "place")
    assert not list(folder.iterdir())
    with pytest.raises(UserError, match="choose another file for --output"):
        check_writable(folder / "place", "--output")


def test_a_folder_that_cannot_be_read_can_be_written(folder_of_root):
    folder = folder_of_root(0o733)
    check_writable(folder / "file", "--json")
    write_text(folder / "file", "x")
    for content in (OLD, NEW):
        replace(folder / "place", content)
        assert read(folder / "place") == content
    assert (folder / "file").read_text() == "x"


def test_a_device_in_a_folder_that_cannot_be_written(folder_of_root):
    folder_of_root(0o755)
    assert not os.access("/dev", os.W_OK)
    check_writable(Path("/dev/full"), "--json")


def in_a_child(act):
    """Whether a process of its own ends well."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("action", ["exchange", "two renames", "first"])
def test_a_full_disk_leaves_the_old(action, tmp_path):
    """As the limit of a file's size does: some of the new files are written."""
    before = ACTIONS[action][0]

    def act():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        with pytest.raises(OSError, match="File too large"):
            replace(place, {**NEW, "c.json": "x" * 101})
        with pytest.raises(OSError, match="File too large"):
            write_text(tmp_path / "file", "x" * 101)

    with prepared(action, tmp_path) as (place, _):
        (tmp_path / "file").write_text("old")
        assert in_a_child(act)
        assert read(place) == before
    assert read(tmp_path / "file") == "old"
    assert {path.name for path in tmp_path.iterdir()} <= {"place", "file"}


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a file system of 16 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no file system can be mounted")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("action", ["exchange", "two renames"])
def test_a_disk_that_is_full_leaves_the_old(action, small_disk):
    with prepared(action, small_disk) as (place, _):
        for act in (
            lambda: replace(place, {**NEW, "c.json": "x" * 20_000}),
            lambda: write_text(small_disk / "file", "x" * 20_000),
        ):
            with pytest.raises(OSError, match="No space left on device"):
                act()
            assert [path.name for path in small_disk.iterdir()] == ["place"]
            assert read(place) == OLD
        replace(place)
        assert read(place) == NEW


def test_a_stream_on_a_full_device_is_an_error_in_one_line():
    words = ["run", "numpy", "--only", "algorithm/update/binary64", "--fresh", "0"]
    options = ["--seed", "1", "--json", "/dev/full", "--format", "quiet"]
    ran = CliRunner().invoke(main, [*words, *options])
    line = "adagrad-conformance: cannot write /dev/full: No space left on device\n"
    assert (ran.exit_code, ran.output) == (2, line)


def test_a_full_device_is_an_error():
    check_writable(Path("/dev/full"), "--json")
    with pytest.raises(OSError, match="No space left on device"):
        write_bytes(Path("/dev/full"), b"x")


def test_a_pipe_is_written_directly(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    check_writable(tmp_path / "pipe", "--json")
    write_text(tmp_path / "pipe", "x")
    assert os.read(reader, 9) == b"x"
    os.close(reader)


def test_what_cannot_be_a_file_is_named(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}; choose another file for --json"):
        check_writable(tmp_path, "--json")
    with pytest.raises(UserError, match=r"there is no folder .*none"):
        check_writable(tmp_path / "none" / "file", "--json")
    (tmp_path / "link").symlink_to("none/file")
    with pytest.raises(UserError, match="there is no folder"):
        check_writable(tmp_path / "link", "--json")
