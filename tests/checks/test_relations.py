"""Relations: what is compared, and that a difference of one bit is seen."""

import math
from dataclasses import replace

import pytest

from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_conformance.checks.kinds import Relation, Same, needed_claims
from adagrad_conformance.checks.relations import relations
from adagrad_conformance.execution.observations import RelationSeen
from adagrad_conformance.execution.runner import observe, perform, play
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Load, Step

ALL = list(relations())
BY_ID = {relation.id: relation for relation in ALL}


def never(scenario):
    raise AssertionError(f"{scenario.id}: a relation needs no expectation")


def verdict(seen, claims=NumpyAdapter.claims):
    return judge([seen], Terms(claims, never))[0]


@pytest.fixture(scope="module")
def port():
    candidate = InProcessClient(NumpyAdapter)
    candidate.start()
    return candidate


# -- the table -------------------------------------------------------------------------


def test_every_relation_requirement_is_decided_in_every_format():
    decided = {(r.requirements[0], r.id.rsplit("/", 1)[1]) for r in ALL}
    named = [x for x in REQUIREMENTS if x.startswith("relations/")]
    assert named
    assert {(name, fmt) for name in named for fmt in FORMATS} <= decided
    for fmt, name in (
        ("binary64", "layout/same-bits"),
        ("binary32", "layout/same-bits"),
        ("bfloat16", "layout/same-bits-in-16-bit-formats"),
        ("binary16", "layout/same-bits-in-16-bit-formats"),
    ):
        assert (name, fmt) in decided


def test_ids_are_unique_and_both_runs_are_named_after_them():
    assert len(BY_ID) == len(ALL)
    for relation in ALL:
        assert relation.left.id == relation.id + "/left"
        assert relation.right.id == relation.id + "/right"


@pytest.mark.parametrize("relation", ALL, ids=lambda r: r.id)
def test_something_is_compared_and_every_place_exists(relation):
    assert relation.same
    for same in relation.same:
        for scenario, number, (place, elements) in (
            (relation.left, same.events[0], same.left),
            (relation.right, same.events[1], same.right),
        ):
            assert isinstance(scenario.events[number], (Step, Load))
            size = scenario.tensors[place[1]].size
            assert elements is None or set(elements) <= set(range(size))
        chosen = [
            len(elements or scenario.tensors[place[1]].bits)
            for scenario, (place, elements) in (
                (relation.left, same.left),
                (relation.right, same.right),
            )
        ]
        assert chosen[0] == chosen[1] > 0


def test_a_port_must_claim_what_either_run_needs():
    strided = BY_ID["relations/strided/binary32"]
    assert "layout" in needed_claims(strided)
    interrupted = BY_ID["relations/interrupted-after-2/binary32"]
    assert {"save", "load-bytes", "none-gradient"} <= needed_claims(interrupted)


def test_scaled_gradients_stay_far_from_the_ends_of_the_range():
    for fmt in FORMATS.values():
        relation = BY_ID[f"relations/scaling/{fmt.name}"]
        for run in (relation.left, relation.right):
            for event in run.events[1:]:
                for gradient in event.gradients.values():
                    squares = [value * value for value in gradient.values()]
                    assert min(squares) > 8 * fmt.smallest_normal
                    assert max(squares) < fmt.largest / 64


# -- what is seen ----------------------------------------------------------------------


@pytest.mark.parametrize("relation", ALL, ids=lambda r: r.id)
def test_the_suites_own_port_passes(relation, port):
    if needed_claims(relation) <= NumpyAdapter.claims:
        assert verdict(perform(port, relation)).status == "pass"


def bent(seen, what, change):
    """The same pair, with one reading of the right run changed."""
    same = seen.check.same[-1]
    event = seen.right.events[same.events[1]]
    reading = event.readings[same.right[0]]
    changed = replace(reading, **{what: change(getattr(reading, what))})
    event.readings = {**event.readings, same.right[0]: changed}
    return seen


def next_number(tensor):
    first, *rest = tensor.bits
    return replace(tensor, bits=(first ^ 1, *rest))


@pytest.mark.parametrize("what", ["theta", "state_sum"])
@pytest.mark.parametrize(
    "name", ["repeatable", "scaling", "negation", "cut", "permuted"]
)
def test_one_bit_is_seen(port, name, what):
    relation = BY_ID[f"relations/{name}/binary32"]
    result = verdict(bent(perform(port, relation), what, next_number))
    assert result.status == "fail"
    assert result.failure.element == 0
    assert result.failure.observed_text != result.failure.due_text


def test_another_counter_is_seen(port):
    relation = BY_ID["relations/groups/binary32"]
    result = verdict(bent(perform(port, relation), "t", lambda t: t + 1))
    assert result.failure.message == "the counters differ"


def test_a_hidden_accumulator_is_not_held_against_a_port(port):
    relation = BY_ID["relations/negation/binary32"]
    seen = bent(perform(port, relation), "state_sum", lambda total: None)
    assert verdict(seen).status == "pass"


def test_zeros_have_no_sign_and_nan_equals_nan(port):
    relation = BY_ID["relations/repeatable/binary32"]
    for ours, theirs, status in (
        (0x00000000, 0x80000000, "pass"),
        (0x7FC00000, 0xFFC00001, "pass"),
        (0x7FC00000, 0x7F800000, "fail"),
    ):
        seen = perform(port, relation)

        def put(bits):
            return lambda t: replace(t, bits=(bits, *t.bits[1:]))

        same = relation.same[-1]
        left = seen.left.events[same.events[0]]
        reading = left.readings[same.left[0]]
        changed = replace(reading, theta=put(ours)(reading.theta))
        left.readings = {**left.readings, same.left[0]: changed}
        assert verdict(bent(seen, "theta", put(theirs))).status == status


def test_factors_are_minus_one_and_powers_of_two():
    assert BY_ID["relations/negation/binary32"].theta_factor == -1
    for name in FORMATS:
        factor = BY_ID[f"relations/scaling/{name}"].sum_factor
        assert math.frexp(factor)[0] == 0.5
        assert factor < 1


class _Refuses(NumpyAdapter):
    def add_group(self, optimizer, group):
        raise ValueError("no")

    def load(self, optimizer, name, via, payload):
        raise ValueError("not today")


def test_a_refusal_in_one_run_is_a_failure():
    candidate = InProcessClient(_Refuses)
    candidate.start()
    relation = BY_ID["relations/interrupted-after-2/binary32"]
    result = verdict(perform(candidate, relation))
    assert result.status == "fail"
    assert "not today" in result.failure.message


class _Crashes(NumpyAdapter):
    def load(self, optimizer, name, via, payload):
        raise ZeroDivisionError("oh")


def test_a_crash_in_one_run_is_a_crash():
    candidate = InProcessClient(_Crashes)
    candidate.start()
    relation = BY_ID["relations/interrupted-after-2/binary32"]
    assert verdict(perform(candidate, relation)).status == "crash"


def test_what_is_not_claimed_is_not_played():
    candidate = InProcessClient(NumpyAdapter)
    identity = candidate.start()
    few = replace(identity, claims=identity.claims - {"layout"})
    relation = BY_ID["relations/strided/binary32"]
    (seen,) = observe(candidate, few, [relation])
    assert verdict(seen).status == "not-claimed"
    assert verdict(seen).message == "layout"


def test_torch_in_16_bits_depends_on_the_place():
    """Known bug: vector lanes and remainders round differently."""
    import torch

    def single():
        return TorchAdapter("t", torch.optim.Adagrad, {"foreach": False})

    candidate = InProcessClient(single)
    candidate.start()
    found = [
        verdict(perform(candidate, BY_ID[f"relations/{name}/bfloat16"])).status
        for name in ("permuted", "cut", "strided")
    ]
    assert found == ["fail"] * 3


def test_the_same_law_for_pairs_made_by_hand(port):
    """A relation of one's own: twice the same run, and one with another rate."""
    relation = BY_ID["relations/repeatable/binary64"]
    first, *rest = relation.left.events
    other = replace(
        relation.right,
        events=(replace(first, options={**first.options, "lr": 0.71}), *rest),
    )
    last = len(relation.left.events) - 1
    pair = Relation(
        "mine/rates/binary64",
        relation.requirements,
        relation.left,
        other,
        (Same((last, last), (("A", "p"), None), (("A", "p"), None)),),
    )
    seen = RelationSeen(pair, play(port, pair.left), play(port, pair.right))
    assert verdict(seen).status == "fail"
