"""Literals have the very value of what they are made from, and nothing breaks out."""

from __future__ import annotations

import ast
import io
import json
import math
import re
import shutil
import subprocess
import tokenize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adagrad_conformance.reproducers.literals import (
    cpp_comment,
    cpp_literal,
    cpp_number,
    js_comment,
    js_literal,
    js_number,
    markdown_block,
    markdown_code,
    markdown_text,
    python_arguments,
    python_comment,
    python_literal,
    python_message,
    shell_words,
)

#: Texts that end a line, a string, a comment or a fence somewhere.
NASTY = (
    "{print(1)}", '"); import os; os.system("x")', "'; x", "\\", "a\\\nb", "\\N{DASH}",
    "a\rb", "\u2028\u2029\x85\x0b\x0c", "\x00", "*/ x /*", "--> x <!--", "??/", "%s%d",
    "${x}", "`x`", "```", "``` x ````", "<script>x</script>", "]: x", "\ud800",
    "\u202e", "# coding: utf-7", "-*- coding=utf-7 -*-", "é", "\U0001f600", "", " ",
    "{" * 300,
)  # fmt: skip
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))
NUMBERS = st.one_of(st.floats(), st.integers(), st.booleans(), st.none())
VALUES = st.recursive(
    st.one_of(TEXTS, NUMBERS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(TEXTS, inner, max_size=3),
    ),
    max_leaves=8,
)
quick = settings(max_examples=200, database=None, deadline=None, derandomize=True)


def one_ascii_line(text):
    return text.isascii() and text.isprintable()


@quick
@given(VALUES)
def test_a_python_literal_is_its_value(value):
    text = python_literal(value)
    assert one_ascii_line(text)
    found = eval(text, {"__builtins__": {"float": float}})
    assert repr(found) == repr(value)


class Rogue(float):
    def __repr__(self):
        return "print(1)"


class RogueText(str):
    def __repr__(self):
        return "print(1)"


def test_a_type_cannot_write_its_own_literal():
    assert python_literal(Rogue(1.5)) == "1.5"
    assert python_literal(RogueText("a")) == "'a'"
    with pytest.raises(TypeError):
        python_literal(object())


@quick
@given(TEXTS, TEXTS)
def test_only_what_was_seen_is_filled_into_a_message(before, after):
    text = python_message(before, after)
    assert one_ascii_line(text)
    found = eval(text, {"__builtins__": {}, "seen": 7})
    assert found == f"{before}7{after}"
    parts = ast.parse(text, mode="eval").body.values
    names = [x.value.id for x in parts if isinstance(x, ast.FormattedValue)]
    assert names == ["seen"]


@quick
@given(st.dictionaries(TEXTS, st.floats(allow_nan=False), max_size=3))
def test_unknown_arguments_are_keys_of_a_dictionary(options):
    options = {"lr": 0.5, **options}
    call = f"dict(n=0{python_arguments(options, ('lr', 'eps'))})"
    assert one_ascii_line(call)
    made = eval(call, {"__builtins__": {"dict": dict, "float": float}})
    assert made == {"n": 0, **options}
    keywords = {x.arg for x in ast.parse(call, mode="eval").body.keywords}
    assert keywords <= {"n", "lr", "eps", None}


@quick
@given(TEXTS)
def test_a_comment_stays_one(text):
    comment = python_comment(text)
    for line in (comment, js_comment(text), cpp_comment(text)):
        assert one_ascii_line(line)
        assert len(line) < 250
    assert not cpp_comment(text).endswith("\\")  # it would join the next line
    script = f"{comment}\nx = 1\n".encode()
    tokens = [*tokenize.tokenize(io.BytesIO(script).readline)]
    assert tokens[0].string == "utf-8"  # the encoding is not the comment's
    assert [t.type for t in tokens[1:3]] == [tokenize.COMMENT, tokenize.NL]


@quick
@given(TEXTS)
def test_a_javascript_literal_is_its_text(text):
    assert one_ascii_line(js_literal(text))
    assert json.loads(js_literal(text)) == text


@pytest.mark.parametrize(
    ("value", "js", "cpp"),
    [
        (True, "true", "true"),
        (False, "false", "false"),
        (0.1, "0.1", "0.1"),
        (-0.0, "-0.0", "-0.0"),
        (math.inf, "Infinity", "INFINITY"),
        (-math.inf, "-Infinity", "-INFINITY"),
        (math.nan, "NaN", "NAN"),
        (Rogue(2.0), "2.0", "2.0"),
    ],
)
def test_numbers_of_other_languages(value, js, cpp):
    assert (js_number(value), cpp_number(value)) == (js, cpp)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_reads_each_literal_as_its_text():
    pairs = [f"[{js_literal(text)}, {json.dumps(text)}]" for text in NASTY]
    lines = [f"{js_comment(text)}\nn += 1;" for text in NASTY]
    script = "\n".join([
        f"let n = 0; const pairs = [{', '.join(pairs)}];", *lines,
        "console.log(n, pairs.every(([a, b]) => a === b));",
    ])  # fmt: skip
    ran = subprocess.run(["node", "-e", script], capture_output=True, text=True)
    assert ran.stdout == f"{len(NASTY)} true\n", ran.stderr


@pytest.mark.skipif(shutil.which("g++") is None, reason="g++ is not installed")
def test_gcc_reads_each_literal_as_its_text(tmp_path):
    told = [text for text in NASTY if text != "\ud800"]
    lines = [f"{cpp_comment(text)}\n  n += 1;" for text in NASTY]
    wanted = [f"{{{', '.join(str(b) for b in [*t.encode(), 0])}}}" for t in told]
    checks = [
        f"  n += sizeof({cpp_literal(text)}) == {len(text.encode()) + 1} && "
        f"!memcmp({cpp_literal(text)}, (const unsigned char[]){bytes_}, "
        f"{len(text.encode()) + 1});"
        for text, bytes_ in zip(told, wanted, strict=True)
    ]
    source = ["#include <cstring>", "#include <cstdio>", "int main() {", "  int n = 0;"]
    source += [*lines, *checks, '  printf("%d\\n", n);', "}"]
    (tmp_path / "a.cpp").write_text("\n".join(source))
    build = ["g++", "-std=c++20", "-w", "a.cpp", "-o", "a"]
    subprocess.run(build, cwd=tmp_path, check=True)
    ran = subprocess.run([tmp_path / "a"], capture_output=True, text=True)
    assert ran.stdout == f"{len(NASTY) + len(told)}\n"


@quick
@given(TEXTS)
def test_markdown_code_is_one_span(text):
    found = markdown_code(text)
    assert found.isprintable()
    fence = re.match("`+", found)[0]
    assert found.endswith(fence)
    inside = found[len(fence) : -len(fence)]
    assert fence not in re.findall("`+", inside)  # nothing inside ends the span
    assert inside
    assert not inside.startswith("`")
    assert not inside.endswith("`")


@quick
@given(TEXTS)
def test_plain_words_stand_as_they_are(text):
    shown = markdown_text(text)
    assert shown in (text, markdown_code(text))
    if shown == text:
        assert re.fullmatch(r"[\w .,:/()-]+", text, re.ASCII)
        assert "_" not in text


@quick
@given(st.lists(TEXTS.filter(lambda t: "\0" not in t), max_size=3))
def test_no_line_ends_a_block(lines):
    first, *inside, last = markdown_block(lines)
    assert first == last == "`" * len(first)
    assert inside == lines
    assert len(first) > max(map(len, re.findall("`+", " ".join(lines))), default=2)


def test_the_shell_reads_each_word_as_its_text():
    words = [text for text in NASTY if "\0" not in text and text != "\ud800"]
    line = shell_words("printf", r"%s\0", *words)
    ran = subprocess.run(["sh", "-c", line], capture_output=True)
    assert ran.stdout.decode().split("\0")[:-1] == words
    with pytest.raises(ValueError, match="NUL"):
        shell_words("a\0b")
