"""Nothing that a scenario or a port says can run in a script that is written of it.

Every writer of `scripts.WRITERS` is given hostile names, messages and identities for
every registered port and for targets of users, so that a new writer or a new syntax is
tested as soon as it is entered.  Scripts in Python are run with all frameworks faked;
scripts of other languages are parsed.  In all of them the hostile text, which is known
by the word `kanary`, stands within literals and comments alone.
"""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hostile_kit import HOSTILE, PLAYED, WORD, broken, hostile, written

from adagrad_conformance.adapters.contract import WrongWidth
from adagrad_conformance.adapters.registry import PORTS
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.failure import Failure, FailureKind
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reproducers import literals, scripts
from adagrad_conformance.reproducers.assertion import Assertion, Look, condition
from adagrad_conformance.reproducers.languages import (
    CPP,
    JAVASCRIPT,
    LANGUAGES,
    PYTHON,
    SHELL,
)
from adagrad_conformance.reproducers.literals import python_literal
from adagrad_conformance.reproducers.scripts import WRITERS, Script
from adagrad_conformance.reproducers.torch_script import (
    torch_constructor,
    torch_reproducer,
    torch_snippet,
)
from adagrad_conformance.reproducers.writing import (
    Reproducer,
    ReproducerError,
    write_reproducers,
)
from adagrad_reference.bookkeeping import ScenarioError

HERE = Path(__file__).resolve().parent


def of(language):
    return [script.text for _, _, script in written() if script.language is language]


def test_every_writer_and_every_syntax_writes_something():
    assert {write for write, _, _ in written()} == set(WRITERS)
    seen = {f.target for write, f, _ in written() if write is scripts._port}
    assert seen == {name for name, port in PORTS.items() if port.syntax}
    seen = {f.target for write, f, _ in written() if write is scripts._torch}
    assert seen >= {name for name, port in PORTS.items() if port.torch}
    assert {script.language for _, _, script in written()} == {*LANGUAGES.values()}
    texts = {f.scenario.id for _, f, _ in written()}
    assert texts == set(HOSTILE)


# -- Python ----------------------------------------------------------------------------


def names_in(tree):
    """All that is a name, wherever in a tree it stands."""
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            values = value if isinstance(value, list) else [value]
            if not isinstance(node, ast.Constant):
                yield from (x for x in values if isinstance(x, str))


IMPORTABLE = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)


def check_python(text, target=""):
    """The hostile text is in strings and comments alone; a class has its own name."""
    assert text.isascii()
    tree = ast.parse(text)
    module, _, cls = target.rpartition(":")
    own = {x for t in (module, cls) if IMPORTABLE.fullmatch(t) for x in t.split(".")}
    named = {part for name in names_in(tree) for part in name.split(".")}
    assert not [name for name in named - own if WORD in name]
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue):
            assert ast.unparse(node.value) == "seen"
        calls = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        assert not (calls and node.func.id in ("eval", "exec", "open", "__import__"))


def snippets():
    """The scripts that are printed, and those of checks that broke off."""
    made = torch_constructor("torch/single")
    for text, played in itertools.product(HOSTILE, PLAYED[::2]):
        try:
            yield torch_snippet(hostile(played, text))
            verdict = broken(text, Status.MALFORMED, WrongWidth(text))
            yield torch_reproducer(hostile(played, text), made, None, verdict)
        except ScenarioError:
            continue


def test_in_python_the_text_is_in_literals_alone():
    known = {s.text: f.target for _, f, s in written() if s.language is PYTHON}
    known |= dict.fromkeys(snippets(), "")
    assert len(known) > 1000
    for text, target in known.items():
        check_python(text, target)
    assert sum(WORD in text for text in known) > 500  # it is not left out


@pytest.mark.parametrize("what", [Look.COUNTER, Look.CALLS, Look.LOSS, Look.MEMBERS])
def test_a_count_is_a_number_or_refused(what):
    for text in HOSTILE:
        with pytest.raises(ValueError, match="could not convert"):
            condition(Assertion(what, exact=text))
    assert condition(Assertion(what, exact="-2")) == "seen == -2"
    assert condition(Assertion(what, exact="2.75")) == "seen == 2.75"
    assert condition(Assertion(what, exact="None")) == "seen is None"


def test_no_python_script_runs_the_text(tmp_path):
    everything = sorted({*of(PYTHON), *snippets()})
    place = tmp_path / "scripts"
    place.mkdir()
    for number, text in enumerate(everything):
        (place / f"{number:05}.py").write_text(text)
    ran = run_all(place, tmp_path)
    assert not (tmp_path / WORD).exists(), ran.stdout
    reached = int(ran.stdout.split()[-1])
    assert reached > len(everything) / 4


def run_all(place, folder):
    line = [sys.executable, "-B", str(HERE / "run_scripts.py"), str(place)]
    ran = subprocess.run(
        line, cwd=folder, capture_output=True, text=True,
        env={**os.environ, "RANK": "0"},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran


def test_a_text_that_ran_would_be_seen(tmp_path):
    """The test itself: names that are pasted into a script are found by both means."""
    text = HOSTILE[0]
    script = f'seen = 1.5\nassert seen == 2.0, f"{text}[0] = {{seen}}"\n'
    with pytest.raises(AssertionError):
        check_python(script)
    (tmp_path / "a.py").write_text(script)
    run_all(tmp_path, tmp_path)
    assert (tmp_path / WORD).exists()


# -- JavaScript, C++ and the shell -----------------------------------------------------

STRINGS_AND_COMMENTS = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)\'|//[^\n]*')


@pytest.mark.parametrize("language", [JAVASCRIPT, CPP])
def test_elsewhere_the_text_is_in_literals_alone(language):
    everything = set(of(language))
    assert len(everything) > 15
    for text in everything:
        assert text.isascii()
        assert not re.search(r"\\$", text, re.MULTILINE)  # no line goes on in the next
        assert not re.search(r"\?\?/$", text, re.MULTILINE)
        assert WORD not in STRINGS_AND_COMMENTS.sub('""', text), text
    assert any(WORD in text for text in everything)


PARSE = """
import { readFileSync, readdirSync } from "node:fs";
import vm from "node:vm";
for (const file of readdirSync(".").filter((name) => name.endsWith(".mjs"))) {
  new vm.SourceTextModule(readFileSync(file, "utf8"), { identifier: file });
}
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_parses_every_script(tmp_path):
    for number, text in enumerate(sorted(set(of(JAVASCRIPT)))):
        (tmp_path / f"{number}.mjs").write_text(text)
    words = ["--experimental-vm-modules", "--no-warnings", "--input-type=module", "-e"]
    line = ["node", *words, PARSE]
    ran = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "wrong.mjs").write_text("const x = ;")
    assert subprocess.run(line, cwd=tmp_path, capture_output=True).returncode == 1


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
@pytest.mark.parametrize("header", ["torch/torch.h", "ensmallen.hpp"])
def test_gcc_parses_every_script(tmp_path, header):
    """All in one file, each in a namespace; the headers are stubs."""
    parts = ["#include <cmath>", "#include <iostream>", "#include <sstream>"]
    parts.append(f"#include <{header}>")
    mine = sorted({text for text in of(CPP) if f"#include <{header}>" in text})
    assert len(mine) >= 3
    for number, text in enumerate(mine):
        body = [x for x in text.split("\n") if not x.startswith("#include")]
        parts += [f"namespace script{number} {{", *body, "}"]
    (tmp_path / "all.cpp").write_text("\n".join(parts))
    words = ["-std=c++20", "-fsyntax-only", "-w", "-Wno-main"]
    place = f"-I{HERE / 'stub_headers'}"
    line = ["g++", *words, place, "all.cpp"]
    ran = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[:2000]


def test_the_shell_reads_each_text_as_one_word(tmp_path):
    stub = tmp_path / "bin" / "adagrad-conformance"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\nprintf "%s\\0" "$@"\n')
    stub.chmod(0o755)
    where = {**os.environ, "PATH": f"{stub.parent}:{os.environ['PATH']}"}
    known = {
        failed.target: script.text
        for _, failed, script in written()
        if script.language is SHELL
    }
    assert len(known) > len(HOSTILE)
    for target, text in known.items():
        if "\ud800" in target:
            continue
        ran = subprocess.run(
            ["sh", "-s"],
            input=text.encode(),
            cwd=tmp_path,
            capture_output=True,
            env=where,
        )
        words = ran.stdout.decode().split("\0")[:-1]
        wanted = ["run", target, "--scenario", f"{WORD}.json"]
        if target.startswith("-"):
            wanted = ["run", "--scenario", f"{WORD}.json", "--", target]
        assert words == wanted
    assert not (tmp_path / WORD).exists()


# -- the index -------------------------------------------------------------------------

CODE = re.compile(
    r"^(`{3,})\n.*?\n\1$|(`+)(?!`).*?(?<!`)\2(?!`)", re.DOTALL | re.MULTILINE
)


def index(tmp_path, target, text, status=Status.FAIL):
    failure = Failure(FailureKind.LOSS, 0, text, text, 1, None, text, text)
    if status is not Status.FAIL:
        failure = None
    verdict = Verdict(text, (text,), "MUST", status, failure=failure, message=text)
    played, script = hostile(PLAYED[0], text), Script("pass\n", PYTHON)
    found = [
        Reproducer(text, text, verdict, played, script, note="a note"),
        Reproducer(text, text, verdict, note="host code"),
    ]
    return write_reproducers(tmp_path, target, found)


@pytest.mark.parametrize("status", [Status.FAIL, Status.CRASH])
def test_in_the_index_the_text_is_code_or_plain_words(tmp_path, status):
    for number, text in enumerate(HOSTILE):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        if "\0" in text:
            with pytest.raises(ReproducerError, match="NUL"):
                index(folder, text, text, status)
            assert not any(folder.iterdir())
            continue
        if "\ud800" in text:
            continue
        place = index(folder, text, text, status)
        assert place.parent == folder
        assert all(path.parent == place for path in place.rglob("*"))
        shown = (place / "README.md").read_text()
        assert json.loads(next(place.glob("*.json")).read_text())["id"] == text
        left = CODE.sub("", shown)
        assert re.fullmatch(r"[A-Za-z0-9 .,:;()#/\n-]*", left), left


def test_the_index_of_ordinary_names_is_plain(tmp_path):
    message = "KeyError: 'x_y'"
    verdict = Verdict("a/b", ("c-d/e",), "MUST", Status.CRASH, message=message)
    script = Script("pass\n", PYTHON)
    found = Reproducer("c-d/e", "a/b/binary32", verdict, PLAYED[0], script)
    place = write_reproducers(tmp_path, "torch/fused", [found])
    lines = (place / "README.md").read_text().splitlines()
    assert "# Reproducers of torch/fused" in lines
    assert "## c-d/e (MUST)" in lines
    assert "`crash: KeyError: 'x_y'`" in lines
    assert "From a/b/binary32: 3 events, 4 elements." in lines
    assert "adagrad-conformance run torch/fused --scenario c-d-e.json" in lines


# -- no other way into a script --------------------------------------------------------

SOURCES = [
    path
    for path in Path(literals.__file__).parent.rglob("*.py")
    if path.name != "literals.py" and path.parent.name != "reduction"
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_values_enter_by_the_functions_of_one_module(path):
    """`!r`, `repr` and the like are in no other module of the writers."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue):
            assert node.conversion == -1, ast.unparse(node)
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            assert name not in ("repr", "ascii", "shlex.join", "shlex.quote"), name
            assert name != "json.dumps" or path.name == "writing.py"


def test_python_literal_is_what_the_scripts_use():
    assert python_literal("{print(1)}") == "'{print(1)}'"
