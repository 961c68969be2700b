"""The space of meetings is covered by its rows, and coverage is counted right."""

from __future__ import annotations

import functools
import itertools
import json

import pytest

from adagrad_conformance.adapters.claims import CLAIMS, PLAIN_CLAIMS
from adagrad_conformance.checks.meetings import writing
from adagrad_conformance.checks.meetings.coverage import (
    coverage,
    line,
    possible_meetings,
)
from adagrad_conformance.checks.meetings.features import features, meetings
from adagrad_conformance.checks.meetings.rows import ROWS_FILE, read_rows
from adagrad_conformance.checks.meetings.shapes import layout_of, shape_of
from adagrad_conformance.checks.meetings.space import (
    DIMENSIONS,
    EXCLUSIONS,
    OPTION_VALUES,
    SIZES,
    TRIPLES,
    class_of,
    excluded,
    is_large,
    size_class,
)
from adagrad_conformance.checks.scenarios.builders import optimizer
from adagrad_conformance.checks.scenarios.ordinary import is_ordinary
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.claims import needed_claims
from adagrad_reference.formats import BINARY32, FORMATS
from adagrad_reference.scenario import (
    AddGroup,
    Group,
    Load,
    New,
    Save,
    Scenario,
    SetOption,
    SetState,
    Sparse,
    Step,
    ZeroGrad,
    tensor,
)

ROWS = read_rows()
VALUES = {d.name: d.values for d in DIMENSIONS}


@functools.cache
def written():
    return {row.id: writing.scenario_of(row) for row in ROWS}


@functools.cache
def whole():
    return coverage(written().values(), PLAIN_CLAIMS, {})


# -- the space -------------------------------------------------------------------------


def test_exclusions_name_what_is_there_and_say_why():
    for exclusion in EXCLUSIONS:
        assert len(exclusion.terms) > 1
        assert len(exclusion.reason) > 9
        for name, values in exclusion.terms.items():
            assert values
            assert set(values) <= set(VALUES[name])


def test_claims_of_values_can_be_made():
    for dimension in DIMENSIONS:
        for needs in dimension.values.values():
            assert set(needs) <= set(CLAIMS)


def test_every_class_holds_the_values_that_stand_for_it():
    for option, classes in OPTION_VALUES.items():
        assert set(classes) == set(VALUES[option])
        for name, values in classes.items():
            assert {class_of(option, value) for value in values} == {name}
    for name, sizes in SIZES.items():
        assert {size_class(size) for size in sizes} == {name}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", VALUES["shape"])
def test_extents_have_the_shape_and_the_size(shape, size):
    if excluded({"shape": shape, "size": size}):
        return
    for turn in range(4):
        extents = shape_of(shape, size, turn)
        zeros = tensor(BINARY32, [0.0] * functools.reduce(int.__mul__, extents, 1))
        assert zeros.size in SIZES[size]
        given = tensor(BINARY32, zeros.values(), extents)
        for layout in VALUES["gradient-layout"]:
            if excluded({"shape": shape, "size": size, "gradient-layout": layout}):
                continue
            placed = layout_of(layout, extents, 7)
            assert placed is None or placed.problem(extents) is None
        step = Scenario(
            "a/b",
            (),
            "MUST",
            {"p": given},
            (optimizer(), Step("A", {"p": given})),
        )
        assert {("shape", shape), ("size", size)} <= features(step)


# -- the rows --------------------------------------------------------------------------


def test_ids_are_unique_and_no_row_is_excluded():
    assert len({row.number for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert excluded(row.values) is None, row.id
        assert all(value in VALUES[name] for name, value in row.values.items())


def test_all_features_of_a_row_meet_at_one_step():
    for row in ROWS:
        wanted = set(row.values.items())
        assert any(wanted <= met for met in meetings(written()[row.id])), row.id


def test_every_pair_meets_in_every_format():
    assert whole().missing == ()
    assert whole().judged == whole().possible > 10_000


def test_every_two_events_must_meet_in_both_orders():
    met_once = [m for m in possible_meetings(PLAIN_CLAIMS, {}) if m[0] is None]
    possible = {(one, other) for _, one, other in met_once}
    assert (("earlier", "none"), ("later", "reloaded")) in possible
    assert (("earlier", "reloaded"), ("later", "none")) in possible


def triples_of(seen, names):
    """The values of these dimensions at a step."""
    found = [[value for name, value in seen if name == wanted] for wanted in names]
    return itertools.product(*found)


@pytest.mark.parametrize("number", range(len(TRIPLES)))
def test_three_of_the_dimensions_that_matter_most_meet(number):
    names = TRIPLES[number]
    fmt = list(FORMATS)[number]
    steps = {
        seen
        for row in ROWS
        if row.values["format"] == fmt
        for seen in meetings(written()[row.id])
    }
    for three in itertools.combinations(names, 3):
        met = {values for seen in steps for values in triples_of(seen, three)}
        for values in itertools.product(*(VALUES[name] for name in three)):
            given = dict(zip(three, values, strict=True))
            large = any(is_large(feature) for feature in given.items())
            if not large and excluded({**given, "format": fmt}) is None:
                assert values in met, given


def test_every_row_steps_its_param_at_least_twice():
    for row in ROWS:
        scenario = written()[row.id]
        books = Bookkeeper(scenario)
        effects = [books.apply(event) for event in scenario.events]
        assert not any(effect.refusal for effect in effects)
        taken = [u.param for effect in effects for u in effect.updates]
        assert taken.count("p") >= (1 if row.values["later"] == "joined" else 2)
        assert len(taken) >= 2


def test_all_numbers_are_ordinary():
    """The large rows are looked at by the tool that draws them."""
    quick = [
        s for s in written().values() if sum(t.size for t in s.tensors.values()) < 300
    ]
    assert len(quick) > 300
    for scenario in quick[::4]:
        assert is_ordinary(scenario), scenario.id


def test_rows_of_another_space_are_refused(tmp_path):
    data = json.loads(ROWS_FILE.read_text())
    data["columns"][-1] = "weather"
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(data))
    with pytest.raises(ValueError, match="other columns"):
        read_rows(path)


# -- features, found in events ---------------------------------------------------------

G = tensor(BINARY32, [0.3, -0.7])
P = tensor(BINARY32, [1.5, 2.5])


def last(*events, **tensors):
    """The features of the last step of the first param."""
    tensors = tensors or {"p": P, "q": P}
    scenario = Scenario("a/b", (), "MUST", tensors, events)
    before = Scenario("a/b", (), "MUST", tensors, events[:-1])
    new = meetings(scenario) - meetings(before) or meetings(scenario)
    return {name: {v for n, v in met if n == name} for met in new for name, _ in met}


def step(name="A", **gradients):
    return Step(name, gradients or {"p": G})


@pytest.mark.parametrize(
    ("events", "earlier", "later"),
    [
        ([step()], "plain", "plain"),
        ([step(), step(p=None)], "plain", "none"),
        ([step(p=tensor(BINARY32, [0, 0]))], "plain", "zero"),
        ([step(), ZeroGrad("A", True)], "plain", "freed"),
        ([step(), ZeroGrad("A", False), step()], "zeroed", "plain"),
        ([SetOption("A", 0, "lr", 2.0), step()], "plain", "plain"),
        (
            [SetOption("A", 0, "lr", 2.0), step(), SetOption("A", 0, "lr", 0.5)],
            "plain",
            "changed",
        ),
        ([step(), Save("A", "s"), Load("A", "s", "deepcopy")], "plain", "reloaded"),
        (
            [
                step(),
                SetState("A", "p", G.__class__(P.format, P.shape, P.bits), 9),
                step(),
                Save("A", "s"),
                optimizer(("p",), "A", lr=2.0, eps=0.1),
                Load("A", "s", "bytes"),
            ],
            "written",
            "fresh-bytes",
        ),
        ([step(), AddGroup("A", Group(("q",)))], "plain", "extended"),
        ([step(), optimizer(("p",), "B", lr=1.0), step("B")], "plain", "shared"),
        (
            [step(), optimizer(("q",), "B", lr=1.0), Step("B", {"q": G})],
            "plain",
            "apart",
        ),
    ],
)
def test_the_past_of_a_param(events, earlier, later):
    found = last(optimizer(("p",), lr=0.5, eps=0.1), *events, step())
    assert found["earlier"] == {earlier}
    assert found["later"] == {later}


def test_a_param_that_joins_brings_the_events_of_the_optimizer():
    events = [
        optimizer(("q",), lr=0.5, eps=0.1),
        Step("A", {"q": G}),
        SetOption("A", 0, "lr", 2.0),
        SetOption("A", 0, "lr", 0.5),
        AddGroup("A", Group(("p",), {"lr": 0.25})),
        step(p=G, q=None),
    ]
    found = last(*events)
    assert (found["earlier"], found["later"]) == ({"changed"}, {"joined"})
    assert (found["groups"], found["source"]) == ({"2"}, {"group"})


def test_where_options_come_from():
    new = New("A", (Group(("p",)),), {"lr": 0.5, "eps": 0.1})
    assert last(new, step())["source"] == {"constructor"}
    assert last(new, SetOption("A", 0, "lr", 0.6), step())["source"] == {"set"}
    own = New("A", (Group(("p",), {"lr": 0.6}),), {"lr": 0.5, "eps": 0.1})
    assert last(own, step())["source"] == {"group"}


def test_the_kind_of_a_gradient():
    once, twice = Sparse((2,), (1,), tensor(BINARY32, [0.5])), Sparse((2,), (1, 1), G)
    new = optimizer(("p",), lr=0.5, eps=0.1)
    assert last(new, step(p=once))["kind"] == {"rows"}
    assert last(new, step(p=twice))["kind"] == {"rows-twice"}
    assert last(new, step(p=once), step())["kind"] == {"in-turn"}
    assert last(new, step())["kind"] == {"dense"}


# -- coverage --------------------------------------------------------------------------

LESS = PLAIN_CLAIMS - {"sparse", "complex", "layout", "groups", "closure"}
FEW = frozenset({"binary32", "eps", "state", "none-gradient", "zero-lr"})


def test_a_port_of_few_claims_has_few_meetings():
    allowed = {f for _, *pair in possible_meetings(FEW, {}) for f in pair}
    assert ("later", "none") in allowed
    assert {v for name, v in allowed if name == "groups"} == {"1"}
    assert {v for name, v in allowed if name == "weight_decay"} == {"zero"}
    assert {v for name, v in allowed if name == "lr"} == {"ordinary", "large", "zero"}
    assert {fmt for fmt, *_ in possible_meetings(FEW, {})} == {None, "binary32"}


def test_a_constant_is_the_only_value_of_its_option():
    fixed = {f for _, *pair in possible_meetings(FEW, {"eps": 0.3}) for f in pair}
    assert {v for name, v in fixed if name == "eps"} == {"large"}


def test_coverage_counts_what_was_judged_alone():
    some = [s for s in written().values() if needed_claims(s) <= LESS]
    assert some
    few = coverage(some, LESS, {})
    assert 0 < few.judged < few.possible < whole().possible
    assert few.judged + len(few.missing) == few.possible
    none = coverage([], LESS, {})
    assert (none.judged, none.possible) == (0, few.possible)
    assert coverage(some[::2], LESS, {}).judged < few.judged


def test_a_pair_counts_in_the_format_in_which_it_met():
    (one, *_) = (s for s in written().values() if s.formats == ("binary64",))
    both = frozenset({*PLAIN_CLAIMS})
    found = coverage([one], both, {})
    assert found.judged > 0
    assert coverage([one], both - {"binary64"}, {}).judged < found.judged


def test_a_missing_row_is_missed():
    row = next(r for r in ROWS if is_large(("size", r.values["size"])))
    rest = [s for name, s in written().items() if name != row.id]
    assert coverage(rest, PLAIN_CLAIMS, {}).missing


def test_the_line_shows_100_for_all_alone():
    shown = line(whole())
    assert f"{whole().judged} of {whole().possible} judged (100 %)" in shown
    assert "(100 %)" not in line(coverage([], FEW, {}))
    nearly = type(whole())(9_999, 10_000, (("binary32", ("a", "b"), ("c", "d")),))
    assert line(nearly).endswith("9999 of 10000 judged (99.9 %)")
    assert "none is possible" in line(type(whole())(0, 0, ()))
