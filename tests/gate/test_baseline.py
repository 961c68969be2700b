"""A run against an older one: red for what got worse, never for what was red before."""

import pytest
from gate_kit import TARGET, check, fault, stream

from adagrad_conformance.errors import UserError
from adagrad_conformance.gate.baseline import compare

GOOD, BAD = check("a/b/1"), check("a/b/1", "fail")


def changes(old, new):
    (found,) = compare(old, new)
    return [(change.kind, change.is_worse) for change in found.changes]


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        (GOOD, BAD, [("lost-pass", True)]),
        (GOOD, check("a/b/1", "timeout"), [("lost-pass", True)]),
        (GOOD, check("a/b/1", "not-claimed"), [("lost-pass", True)]),
        (check("a/b/1", "not-claimed"), BAD, [("lost-pass", True)]),
        (BAD, check("a/b/1", "crash"), [("lost-pass", True)]),
        (BAD, GOOD, [("new-pass", False)]),
        (BAD, BAD, []),
        (check("a/b/1", "crash"), BAD, []),
        (check("a/b/1", "skipped"), GOOD, []),
        (GOOD, check("a/b/1", "not-reached"), []),
        (GOOD, check("a/b/1", grade="exact"), [("grade", False)]),
        (check("a/b/1", grade="tight"), GOOD, [("grade", True)]),
        (GOOD, check("a/b/1", max_error_ulp="0.75"), [("error", True)]),
        (GOOD, check("a/b/1", max_error_ulp="0.25"), [("error", False)]),
        (GOOD, GOOD, []),
    ],
)
def test_worse_is_a_lost_pass_a_worse_grade_or_a_larger_error(before, now, found):
    assert changes(stream(before), stream(now)) == found


def test_a_new_fault_is_worse_and_one_that_is_gone_is_better():
    old, new = stream(BAD, faults=[fault("x")]), stream(BAD, faults=[fault("y")])
    assert changes(old, new) == [("new-fault", True), ("lost-fault", False)]
    assert changes(old, old) == []


def test_random_checks_of_another_seed_are_not_held_against_each_other():
    fresh = check("fresh/9", "fail")
    assert changes(stream(GOOD), stream(GOOD, fresh)) == [("lost-pass", True)]
    assert changes(stream(GOOD, seed=2), stream(GOOD, fresh)) == []


def test_a_port_that_cannot_be_judged_any_more_is_worse():
    now = stream()
    now.targets[0]["problem"] = "could not be loaded"
    (found,) = compare(stream(GOOD), now)
    assert [c.kind for c in found.regressions] == ["lost-pass"]


@pytest.mark.parametrize(
    ("old", "words"),
    [
        (stream(GOOD, vectors="1" * 64), "with other vectors"),
        (stream(), None),
    ],
)
def test_other_vectors_are_refused_unless_allowed(old, words):
    if words is None:
        assert compare(old, stream(GOOD))
        return
    with pytest.raises(UserError, match=words):
        compare(old, stream(GOOD))
    assert compare(old, stream(GOOD), other_vectors=True)


def test_a_baseline_of_another_target_is_refused():
    old = stream(GOOD)
    old.targets[0]["target"] = "theirs"
    with pytest.raises(UserError, match=rf"no baseline for {TARGET}; the file has th"):
        compare(old, stream(GOOD))
