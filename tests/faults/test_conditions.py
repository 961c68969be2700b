"""The shortest condition, and the classes that it hints at."""

import numpy as np
import pytest

from adagrad_conformance.faults.causes import classes_by_place, places_of
from adagrad_conformance.faults.conditions import Atom, Atoms, Condition

ROWS = 400
INDEX = np.arange(ROWS)


def atom(slug, holds, cost=0.6):
    return Atom(slug, slug.replace("-", " "), cost, np.asarray(holds, bool))


def shortest(atoms, wrong):
    fails, passes = np.where(wrong, 1.0, 0.0), np.where(wrong, 0.0, 1.0)
    return Atoms(atoms, ROWS).shortest(fails, passes)


def test_one_atom_that_tells_all_is_the_condition():
    even = INDEX % 2 == 0
    found = shortest([atom("third", INDEX % 3 == 0), atom("even", even)], even)
    assert found.slug == "even"
    assert (found.covered, found.against) == (1.0, 0.0)


def test_two_atoms_are_found_though_each_alone_holds_mostly_for_what_passes():
    one, two = INDEX % 3 == 0, INDEX % 4 == 0
    # many atoms by which less is lost, and which tell nothing
    others = [atom(f"noise-{n}", n == INDEX % 41) for n in range(41)]
    found = shortest([*others, atom("one", one), atom("two", two)], one & two)
    assert {a.slug for a in found.atoms} == {"one", "two"}
    assert found.covered == 1.0


def test_what_is_always_true_explains_nothing():
    wrong = INDEX < 10
    found = shortest([atom("always", INDEX >= 0, cost=0.1)], wrong)
    assert not found.atoms or found.gain <= 0


def test_a_longer_condition_is_not_taken_where_one_atom_does():
    wrong = INDEX % 5 == 0
    found = shortest([atom("fifth", wrong), atom("positive", INDEX >= 0)], wrong)
    assert found.slug == "fifth"


@pytest.mark.parametrize(
    ("slugs", "named"),
    [
        (["its-gradient-is-dense"], "its-gradient-is-dense"),
        (["its-gradient-is-dense", "past-64"], "past-64"),
        (
            ["a-gradient-of-the-step-is-sparse", "its-gradient-is-dense"],
            "a-gradient-of-the-step-is-sparse-its-gradient-is-dense",
        ),
    ],
)
def test_a_dense_gradient_is_named_where_it_tells_something(slugs, named):
    found = Condition(tuple(atom(slug, INDEX >= 0) for slug in slugs), 1.0, 1.0, 0.0)
    assert found.slug == named
    assert found.words == named.replace("-", " ").replace(
        "sparse its", "sparse and its"
    )


@pytest.mark.parametrize(
    ("slugs", "places"),
    [
        (["a-closure-is-given"], ["gradients"]),
        (["its-gradient-is-dense", "the-param-is-binary64"], ["numerics"]),
        (["its-gradient-is-sparse", "not-first-element"], ["sparse", "layout"]),
        (["the-param-is-complex"], ["complex"]),
        (["lr-is-left-to-its-default"], ["interface"]),
        (["a-gradient-of-the-step-is-sparse"], ["sparse"]),
        (["a-gradient-of-the-step-is-none"], ["gradients"]),
        (["weight_decay-was-changed"], ["state"]),
        (["tail-past-256", "t-from-3"], ["layout", "rate"]),
        (["lr-to-0.01", "S-exponent-from--3"], []),
    ],
)
def test_a_condition_hints_at_the_classes_of_its_atoms_in_order(slugs, places):
    found = Condition(tuple(atom(slug, INDEX >= 0) for slug in slugs), 1.0, 1.0, 0.0)
    assert places_of(found) == places
    kind, place = classes_by_place(found, "formula")
    assert (kind, place) == ((places[0], places[-1]) if places else ("formula", ""))
