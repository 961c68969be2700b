"""The command `new-adapter`: what it writes, what it says, and what it refuses."""

from __future__ import annotations

import os
import stat

import pytest
from language_kit import cli, new_adapter

from adagrad_conformance.adapter_kits import FOLDER, LANGUAGES
from adagrad_conformance.adapters.base import CLAIMS

#: How many lines an adapter may need beside its kit.
LIMITS = {"python": 15}
OTHERS = 40


def own_lines(language):
    """The adapter's lines that are its author's: no comments, docstrings or blanks."""
    text = (FOLDER / language / LANGUAGES[language].adapter).read_text()
    _, mark, own = text.partition(" -- the adapter: your lines ")
    assert mark
    lines = [line.strip() for line in own.splitlines()[1:]]
    comments = ("//", "/*", "* ", "#", '"""')
    return [line for line in lines if line and not line.startswith(comments)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_authors_own_lines_are_few(language):
    lines = own_lines(language)
    assert 10 < len(lines) <= LIMITS.get(language, OTHERS)
    assert "state-write" in " ".join(lines)  # the claims are among them


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_folder_holds_adapter_kit_and_readme(language, tmp_path):
    folder = new_adapter(language, tmp_path / "mine")
    files = {LANGUAGES[language].adapter, LANGUAGES[language].kit, "README.md"}
    assert {path.name for path in folder.iterdir()} == files - {None}
    for name in files - {None, "README.md"}:
        source = FOLDER / language / name
        assert (folder / name).read_bytes() == source.read_bytes()
        assert stat.S_IMODE((folder / name).stat().st_mode) & 0o600 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_file_of_a_language_is_written(language):
    shipped = {p.name for p in (FOLDER / language).iterdir() if p.is_file()}
    assert shipped == {LANGUAGES[language].adapter, LANGUAGES[language].kit} - {None}


def test_every_folder_is_a_language():
    folders = {p.name for p in FOLDER.iterdir() if p.is_dir()} - {"__pycache__"}
    assert folders == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_next_commands_are_printed_and_in_the_readme(language, tmp_path):
    folder = tmp_path / "a folder"
    done = cli("new-adapter", "--language", language, folder)
    chosen = LANGUAGES[language]
    judged = [
        f"adagrad-conformance {word} {chosen.target}" for word in ("doctor", "run")
    ]
    commands = [*filter(None, [chosen.build]), *judged]
    lines = done.output.splitlines()
    assert lines[0].startswith(f"{folder}: {chosen.adapter}")
    assert lines[1:] == ["next:", f"  cd '{folder}'", *(f"  {c}" for c in commands)]
    readme = (folder / "README.md").read_text()
    shown = [line[4:] for line in readme.splitlines() if line.startswith("    ")]
    assert shown == commands
    assert "$" not in readme
    assert all(f"| `{claim}` | {text} |" in readme for claim, text in CLAIMS.items())


def test_the_folder_has_a_name_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = cli("new-adapter", "--language", "c")
    assert done.exit_code == 0
    assert (tmp_path / "adagrad-adapter" / "adapter.c").is_file()


# -- what is refused -------------------------------------------------------------------


def refusal(*args):
    """The one line that says what is wrong."""
    done = cli("new-adapter", *args)
    assert done.exit_code == 2
    (line,) = done.output.splitlines()
    assert line.startswith("adagrad-conformance: ")
    return line


def test_an_unknown_language(tmp_path):
    line = refusal("--language", "cobol", tmp_path / "mine")
    assert "'cobol'" in line
    assert all(language in line for language in LANGUAGES)
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("kind", ["folder", "file", "link"])
def test_what_exists_is_not_overwritten(kind, tmp_path):
    place = tmp_path / "mine"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("precious")
    else:
        place.symlink_to("nowhere")
    assert "exists; name a folder that does not" in refusal("--language", "c", place)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    if kind == "folder":
        assert not list(place.iterdir())
    elif kind == "file":
        assert place.read_text() == "precious"


def test_a_folder_in_no_folder(tmp_path):
    line = refusal("--language", "c", tmp_path / "none" / "mine")
    assert "cannot write" in line
    assert "No such file or directory" in line


def test_a_folder_in_a_file(tmp_path):
    (tmp_path / "file").write_text("precious")
    line = refusal("--language", "c", tmp_path / "file" / "mine")
    assert "cannot write" in line
    assert "Not a directory" in line
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    line = refusal("--language", "c", tmp_path / "mine")
    tmp_path.chmod(0o700)
    assert "Permission denied" in line
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_too_long(tmp_path):
    assert "cannot write" in refusal("--language", "c", tmp_path / ("x" * 300))


def test_a_disk_that_fills_up_leaves_nothing(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    line = refusal("--language", "c", tmp_path / "mine")
    assert "No space left on device" in line
    assert not list(tmp_path.iterdir())
