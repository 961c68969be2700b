"""Commands on golden vectors that are altered, missing or of another version."""

from __future__ import annotations

import shutil

import pytest
from cli_kit import QUICK, cli, complains

from adagrad_conformance.checks import vector_files as library
from adagrad_conformance.cli import vectors as vectors_command

# -- the vectors it stands on --------------------------------------------------------


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A copy of the vectors, in their place."""
    folder = shutil.copytree(library.vectors_folder(), tmp_path / "data")
    for module in (library, vectors_command):
        monkeypatch.setattr(module, "vectors_folder", lambda: folder)
    return folder


ON_VECTORS = (
    ["run", "numpy", *QUICK],
    ["list", "scenarios"],
    ["explain", "algorithm/update"],
    ["vectors", "show", "algorithm/update/binary64"],
)


@pytest.mark.parametrize("args", ON_VECTORS, ids=lambda args: args[0])
def test_an_altered_vector_file_is_refused(data, args):
    path = data / "maximize.json"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    complains(cli(*args), 2, "maximize.json", "altered", "vectors verify")


@pytest.mark.parametrize("args", ON_VECTORS, ids=lambda args: args[0])
def test_vectors_of_another_version_are_refused(data, args):
    path = data / "MANIFEST.json"
    path.write_text(path.read_text().replace('version": 1', 'version": 2'))
    complains(cli(*args), 2, "MANIFEST.json", "version 2")


@pytest.mark.parametrize("args", ON_VECTORS, ids=lambda args: args[0])
def test_missing_vectors_are_named(data, args):
    (data / "groups.json").unlink()
    complains(cli(*args), 2, "cannot read", "groups.json")


def test_list_candidates_needs_no_vectors(data):
    shutil.rmtree(data)
    assert cli("list", "candidates").exit_code == 0
