"""What the toys do not show of the kits: refusals and crashes, noise, constants, texts
and bytes of every kind, and in C++ and JavaScript tensors of every kind."""

from __future__ import annotations

import base64
import shlex
import shutil
from pathlib import Path

import pytest
from language_kit import (
    NEVER,
    READ,
    START,
    begin,
    build,
    cli,
    event,
    new,
    new_adapter,
    number,
    numbers,
    step,
    talk,
)

from adagrad_conformance.adapter_kits import FOLDER, LANGUAGES
from adagrad_conformance.reports.stream import read_stream

PORTS = Path(__file__).parent / "ports"
KITS = [language for language in LANGUAGES if LANGUAGES[language].kit]
NONE_TO_ZERO = [language for language in KITS if language != "c"]  # it has no zero-grad


def port(source, language, folder):
    """The command of a port of this folder, built beside the kit."""
    chosen = LANGUAGES[language]
    shutil.copyfile(PORTS / source, folder / chosen.adapter)
    shutil.copyfile(FOLDER / language / chosen.kit, folder / chosen.kit)
    target = build(language, folder, optimize=False)
    return shlex.split(target.removeprefix("exec:"))


@pytest.fixture(scope="module")
def strange(tmp_path_factory):
    """The command of a language's strange port, built once."""
    made = {}

    def get(language):
        if language not in made:
            source = f"strange{Path(LANGUAGES[language].adapter).suffix}"
            folder = tmp_path_factory.mktemp(language)
            made[language] = port(source, language, folder)
        return made[language]

    return get


def outcomes(answers):
    """Of each answer its kind."""
    return [next(key for key in a if key not in ("seq",)) for a in answers]


@pytest.mark.parametrize("language", KITS)
def test_it_introduces_itself(language, strange):
    (answer,), _ = talk(strange(language), [START])
    said = answer["ok"]
    assert (said["protocol"], said["name"], said["version"]) == (1, "strange", "7")
    assert said["dialect"] == "tfjs"
    assert said["constants"] == {"eps": number(1e-7)}
    assert {"binary64", "eps", "save", "load-bytes", "set-option"} <= set(
        said["claims"]
    )
    assert said["takes"] == ["ahead", "packed"]


@pytest.mark.parametrize("language", KITS)
def test_a_constant_is_not_given_to_the_port(language, strange):
    questions = [
        begin(p=numbers(1.0)),
        new("p", lr=number(0.1), eps=number(1e-7)),
        event("set-option", group=0, option="eps", value=number(1e-7)),
        event("set-option", group=0, option="lr", value=number(13.0)),
        step(p=numbers(1.0)),
    ]
    answers, _ = talk(strange(language), questions)
    assert outcomes(answers) == ["ok", "ok", "ok", "ok", "crashed"]


@pytest.mark.parametrize("language", KITS)
def test_refusals_and_crashes_are_told_apart_and_survived(language, strange):
    questions = [
        begin(p=numbers(1.0)),
        new("p", lr=number(-1.0)),
        new("p", lr=number(0.0)),
        new("p", lr=number(13.0)),
        step(p=numbers(1.0)),
        {"op": "nonsense"},
        {"op": "read", "optimizer": "nobody"},
        begin(q=numbers(2.0)),
        new("q", lr=number(0.5)),
        step(q=None),
        READ,
        {"op": "stop"},
    ]
    answers, _ = talk(strange(language), questions)
    assert outcomes(answers) == [
        *("ok", "refused", "refused", "ok", "crashed", "crashed", "crashed"),
        *("ok", "ok", "ok", "ok", "ok"),
    ]
    assert answers[1]["refused"] == "lr is negative"
    assert answers[2]["refused"] == "lr is zero"
    assert "thirteen" in answers[4]["crashed"]
    assert list(answers[10]["ok"]["params"]) == ["q"]
    assert answers[11]["ok"] == {}


@pytest.mark.parametrize("language", KITS)
def test_what_has_no_function_is_a_crash(language, strange):
    sum_ = numbers(1.0)
    questions = [
        begin(p=numbers(1.0)),
        new("p", lr=number(0.1)),
        event("set-state", param="p", sum=sum_, t=1),
        event("add-group", group={"params": ["p"], "options": {}}),
        event("steps", cycle=[{"p": sum_}], count=1),
        READ,
    ]
    answers, _ = talk(strange(language), questions)
    assert outcomes(answers) == ["ok", "ok", "crashed", "crashed", "crashed", "ok"]


@pytest.mark.parametrize("language", KITS)
def test_what_the_port_prints_is_no_answer(language, strange):
    questions = [begin(p=numbers(1.0)), new("p", lr=number(0.1)), step(p=numbers(1.0))]
    answers, stderr = talk(strange(language), questions)
    assert outcomes(answers) == ["ok", "ok", "ok"]
    assert "noise" in stderr


@pytest.mark.parametrize("language", KITS)
def test_texts_of_every_kind(language, strange):
    names = ['"', "\\", "/", "\b\f\n\r\t", "\x01", "é", "水", "😀", "p q"]
    questions = [
        begin(**{name: numbers(1.0) for name in names}),
        new(*names, lr=number(0.1)),
        READ,
    ]
    answers, _ = talk(strange(language), questions)
    assert outcomes(answers) == ["ok", "ok", "ok"]
    assert set(answers[2]["ok"]["params"]) == set(names)


@pytest.mark.parametrize("language", [k for k in KITS if k != "javascript"])
def test_bytes_of_every_length(language, strange):
    for name in ("p", "pq", "pqr", "é?>~"):
        saved = base64.b64encode(name.encode()).decode()
        questions = [
            begin(**{name: numbers(1.0)}),
            new(name, lr=number(0.1)),
            event("save", name="s"),
            event("load", name="s", via="bytes"),
            {**event("load", name="t", via="new-process"), "payload": saved},
        ]
        answers, _ = talk(strange(language), questions)
        assert answers[2]["ok"] == {"saved": saved}
        shown = "".join(c if c < "\x7f" or language != "cpp" else "??" for c in name)
        assert [a.get("refused") for a in answers[3:]] == [shown, shown]


def test_a_state_of_every_kind_in_javascript(strange):
    questions = [
        begin(p=numbers(1.0)),
        new("p", lr=number(0.1)),
        event("save", name="s"),
        *(event("load", name="s", via=v) for v in ("same-object", "deepcopy", "bytes")),
    ]
    answers, _ = talk(strange("javascript"), questions)
    elsewhere = {**event("load", name="s", via="new-process")}
    elsewhere["payload"] = answers[2]["ok"]["saved"]
    more, _ = talk(strange("javascript"), [*questions[:2], elsewhere])
    loads = [*answers[3:], more[2]]
    assert [a.get("refused") for a in loads] == ["loaded what was saved"] * 4


@pytest.mark.parametrize("language", NONE_TO_ZERO)
def test_gradients_are_zeroed_and_removed(language, strange):
    questions = [
        begin(p=numbers(1.0, 2.0), q=numbers(3.0)),
        new("p", "q", lr=number(0.1)),
        step(p=numbers(5.0, 6.0)),
        event("zero-grad", set_to_none=False),
        READ,
        event("zero-grad", set_to_none=True),
        READ,
    ]
    answers, _ = talk(strange(language), questions)
    zeroed = {k: v["gradient"] for k, v in answers[4]["ok"]["params"].items()}
    assert "".join(zeroed["p"]["bits"]) == "0" * 32
    assert zeroed["q"] is None
    removed = answers[6]["ok"]["params"].values()
    assert [p["gradient"] for p in removed] == [None, None]


# -- tensors of every kind -------------------------------------------------------------


def same(shown, given):
    """Whether a tensor is the one that was given; bits may be packed."""
    packed = {**shown, "bits": "".join(shown["bits"])}
    expected = {**given, "bits": "".join(given["bits"])}
    expected.pop("layout", None)
    return packed == expected


@pytest.mark.parametrize("language", ["javascript", "cpp"])
@pytest.mark.parametrize("packed", [False, True])
def test_tensors_and_gradients_come_back_bit_for_bit(language, packed, strange):
    tensors = {
        "scalar": numbers(2.5, shape=[]),
        "empty": numbers(shape=[0, 3]),
        "special": {
            **numbers(0.0, -0.0),
            "bits": ["7ff8000000000001", "8000000000000000"],
        },
        "narrow": numbers(1.5, -2.0, fmt="binary32", shape=[2, 1]),
        "half": numbers(0.5, fmt="binary16"),
        "pair": {**numbers(1.0, 2.0, shape=[1]), "complex": True},
    }
    if packed:
        for tensor in tensors.values():
            tensor["bits"] = "".join(tensor["bits"])
    rows = {"shape": [3], "indices": [2, 0, 2], "values": numbers(1.0, 2.0, 3.0)}
    tensors["rowed"] = numbers(1.0, 2.0, 3.0)
    gradients = {**tensors, "rowed": rows}
    questions = [
        begin(**tensors),
        new(*tensors, lr=number(0.1)),
        step(**gradients),
        READ,
    ]
    answers, _ = talk(strange(language), questions)
    shown = answers[3]["ok"]["params"]
    for name, given in tensors.items():
        assert same(shown[name]["theta"], given), name
        if name != "rowed":
            assert same(shown[name]["gradient"], given), name
    gradient = shown["rowed"]["gradient"]
    assert (gradient["shape"], gradient["indices"]) == ([3], [2, 0, 2])
    assert same(gradient["values"], rows["values"])


def test_a_view_shows_its_whole_storage_in_cpp(strange):
    guard = "7ff8000000000abc"
    layout = {"length": 5, "offset": 1, "strides": [2], "guard": guard}
    p = {**numbers(1.0, 2.0), "layout": layout}
    questions = [begin(p=p), new("p", lr=number(0.1)), READ]
    answers, _ = talk(strange("cpp"), questions)
    shown = answers[2]["ok"]["params"]["p"]
    one, two = p["bits"]
    assert same(shown["theta"], p)
    assert shown["storage"] == "".join([guard, one, guard, two, guard])


def test_master_weights_are_shown_in_cpp(strange):
    questions = [
        begin(h=numbers(1.0, fmt="binary16"), p=numbers(1.0)),
        new("h", "p", lr=number(0.1)),
        READ,
    ]
    answers, _ = talk(strange("cpp"), questions)
    shown = answers[2]["ok"]["params"]
    one = numbers(1.0, fmt="binary32")
    assert same(shown["h"]["master"], one)
    assert same(shown["h"]["sum"], one)
    assert shown["h"]["t"] == 3
    assert "master" not in shown["p"]
    assert (shown["p"]["sum"], shown["p"]["t"]) == (None, None)


# -- what only one kit has -------------------------------------------------------------


def test_a_port_that_is_a_function_in_javascript(tmp_path):
    command = port("functional.mjs", "javascript", tmp_path)
    stream = tmp_path / "stream.jsonl"
    target = f"exec:{shlex.join(command)}"
    done = cli("run", target, "--seed", "1", "--level", "must", "--json", stream)
    assert done.exit_code == 0, done.output
    statuses = [c["status"] for c in read_stream(stream).checks]
    assert statuses.count("pass") > 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("  addGroup:", "  addGruop:"),
            'no function addGroup, which "add-group" needs',
        ),
        (("  make:", "  mak:"), "the adapter has no function make"),
        (('"binary64",', '"binary64", "layout",'), 'do not claim "layout"'),
    ],
)
def test_an_adapter_that_claims_too_much_in_javascript(change, message, tmp_path):
    folder = new_adapter("javascript", tmp_path / "mine")
    path = folder / "adapter.mjs"
    assert change[0] in path.read_text()
    path.write_text(path.read_text().replace(*change, 1))
    target = build("javascript", folder)
    command = shlex.split(target.removeprefix("exec:"))
    (answer,), _ = talk(command, [START])
    assert message in answer["crashed"]
    done = cli("run", target, "--timeout", str(NEVER))
    assert done.exit_code == 3
    assert message in " ".join(done.output.split())
