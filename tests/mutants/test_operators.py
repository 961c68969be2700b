"""Mutation operators on the suite's own ports: a sample is played, and the table of
survivors is one of real changes.

`python tests/mutants/operators.py OUT.json` plays every change.
"""

from __future__ import annotations

import ast
import re

import mutation_operators
import operators
import pytest
from first_failure import first_failure
from mutant_kit import Bent, adapter
from mutation_operators import Mutation
from survivors import REASONS, SURVIVORS

from adagrad_conformance.adapters.own import numpy_adapter as numpy_own

NUMPY = operators.PORTS["numpy"]

#: Changes of the NumPy port by hand: what stands there, and what comes in its place.
SAMPLE = {
    "np.add(s, np.multiply(g, g, out=b), out=s)": (
        "np.subtract(s, np.multiply(g, g, out=b), out=s)"
    ),
    "np.add(np.sqrt(s, out=b), eps, out=b)": "np.sqrt(np.add(s, eps, out=b), out=b)",
    "if maximize:": "if not maximize:",
    "if weight_decay != 0:": "if weight_decay == 0:",
    "(state['step'] - 1)": "(state['step'] + 1)",
    "state['step'] += 1": "state['step'] -= 1",
    "if p.grad is not None:": "if p.grad is None:",
    "s.copy(order='K')}": "0 * s}",
    "self.state = state": "pass",
    "if set_to_none or p.grad is None": "if set_to_none and p.grad is None",
    "math.inf": "-math.inf",
    "raise ValueError('a param of the group is already": "ValueError('a param of",
}


def changed(before, after):
    """A change of the module that has the line."""
    before, after = before.replace("'", '"'), after.replace("'", '"')
    for module in NUMPY.changed:
        text = operators.source_of(module)
        if before in text:
            new = text.replace(before, after, 1)
            ast.parse(new)
            return Mutation(module, "by hand", before, after, new)
    raise LookupError(before)


def test_a_sample_of_changes_is_found():
    sample = [changed(*pair) for pair in SAMPLE.items()]
    outcomes = list(operators.campaign(NUMPY, sample, jobs=1))
    assert len(outcomes) == len(SAMPLE)
    assert [o.mutation.before for o in outcomes if o.survived] == []


def test_a_change_without_effect_survives_and_has_no_reason_yet():
    harmless = changed("BLOCK = 16_384", "BLOCK = 16_000")
    (outcome,) = operators.campaign(NUMPY, [harmless], jobs=1)
    assert outcome.survived
    assert operators.unexplained([outcome]) == [harmless]


def test_first_failure_knows_right_from_wrong():
    class HalfRate(Bent):
        def rate(self, t, o):
            return 0.5 * super().rate(t, o)

    assert first_failure(lambda: adapter(Bent)) is None
    assert first_failure(numpy_own.NumpyAdapter) is None
    found = first_failure(lambda: adapter(HalfRate))
    assert (found.level, found.status) == ("MUST", "fail")


class Broken(numpy_own.NumpyAdapter):
    """Cannot even hold a param."""

    def make_tensor(self, tensor):
        raise ValueError("no")


def test_a_port_that_cannot_start_is_found():
    assert first_failure(Broken).check == "smoke-test"


# -- the table of survivors ------------------------------------------------------------


def test_every_reason_begins_with_what_it_is():
    words = {reason.partition(":")[0] for reason in REASONS.values()}
    assert words == {"equivalent", "open", "lawful", "finding"}
    assert set(SURVIVORS.values()) <= set(REASONS.values())


@pytest.mark.parametrize("module", sorted({key[0] for key in SURVIVORS}))
def test_survivors_are_changes_of_lines_that_are_there(module):
    text = " ".join(operators.source_of(module).split())
    for _, before, after in (key for key in SURVIVORS if key[0] == module):
        assert " ".join(before.split()) in text
        assert before != after


def test_a_survivor_that_is_found_now_or_is_gone_is_outdated():
    module, before, after = next(iter(SURVIVORS))
    mutation = Mutation(module, "x", before, after, "")
    lives = operators.Outcome(mutation, None)
    alone = set(operators.outdated([lives], [mutation]))
    assert (module, before, after) not in alone
    assert alone == {key for key in SURVIVORS if key[0] == module} - {mutation.key}


# -- the operators ---------------------------------------------------------------------

TEXT = '''
def f(x: int | None, y) -> int | None:
    """Adds."""
    total = add(x, y)
    return total
'''


def test_operators_change_what_runs_and_nothing_else():
    pytest.importorskip("cosmic_ray", reason=mutation_operators.HOW_TO_INSTALL)
    made = list(mutation_operators.mutations("m", TEXT))
    lines = {(m.operator, m.after) for m in made}
    assert ("SwapCalls", "total = subtract(x, y)") in lines
    assert ("DeleteStatement", "pass") in lines
    assert ("DropArgument", "total = add(x)") in lines
    assert not any(re.search("BitOr", m.operator) for m in made)
    assert len({m.source for m in made}) == len(made)


def test_a_dozen_changes_by_cosmic_ray_are_found():
    pytest.importorskip("cosmic_ray", reason=mutation_operators.HOW_TO_INSTALL)
    chosen = [m for m in operators.changes(NUMPY, "SwapCalls") if "g" in m.before][:12]
    outcomes = list(operators.campaign(NUMPY, chosen, jobs=1))
    assert len(outcomes) == 12
    assert operators.unexplained(outcomes) == []
