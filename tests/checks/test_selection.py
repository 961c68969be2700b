"""The tables of checks are complete, and a run chooses among all of them."""

from __future__ import annotations

import ast
import inspect
from collections import defaultdict
from pathlib import Path

import pytest

from adagrad_conformance.adapters import native
from adagrad_conformance.adapters.claims import CLAIMS
from adagrad_conformance.adapters.native.table import NATIVE
from adagrad_conformance.checks import regret_bound, relations
from adagrad_conformance.checks.kinds import kind, needed_claims
from adagrad_conformance.checks.regret_bound import PROBLEMS
from adagrad_conformance.checks.relations import RELATIONS
from adagrad_conformance.checks.scenarios import added_groups, random_scenarios
from adagrad_conformance.checks.scenarios.families import FAMILIES, GENERATED
from adagrad_conformance.checks.selection import (
    Choice,
    checks_of_a_run,
    is_slow,
    known_checks,
    matches,
    selected,
)
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Scenario

LIBRARY = Library.read()
CHECKS = checks_of_a_run(LIBRARY, seed=1, fresh=1)


# -- every check -----------------------------------------------------------------------


def test_ids_are_unique():
    assert len({check.id for check in CHECKS}) == len(CHECKS)


def test_all_kinds_are_played():
    kinds = {kind(check) for check in known_checks(LIBRARY)}
    assert kinds == {"scenario", "relation", "native", "adaptive"}


def test_every_requirement_is_decided_and_every_decided_one_exists():
    decided = {name for check in CHECKS for name in check.requirements}
    assert decided == set(REQUIREMENTS)


def test_the_foremost_requirement_gives_the_level():
    for check in CHECKS:
        assert check.level == REQUIREMENTS[check.requirements[0]].level, check.id


#: Claims by which a port is judged otherwise; no check needs them.
JUDGED_BY = {"flush-to-zero", "master-weights", "needs-a-gradient"}
JUDGED_BY |= {"wide-state", "quantised-state", "extended-precision"}
JUDGED_BY |= {"one-param", "needs-elements"}


def test_every_needed_claim_can_be_made_and_every_claim_is_needed():
    needed = {claim for check in CHECKS for claim in needed_claims(check)}
    assert needed == set(CLAIMS) - JUDGED_BY


def test_what_a_reduction_keeps_is_needed_by_a_check():
    """Some scenario of a requirement needs one of the claims, else none is kept."""
    needed = defaultdict(set)
    for check in CHECKS:
        kept = REQUIREMENTS[check.requirements[0]].classification.keeps_claims
        needed[kept] |= needed_claims(check)
    for kept, found in needed.items():
        assert not kept or set(kept) & found


def test_every_family_comes_in_every_format():
    narrow = {"complex": {"binary64", "binary32"}, "corners": {"binary64", "binary32"}}
    for family in (*FAMILIES, *GENERATED):
        found = {fmt for s in family.scenarios() for fmt in s.formats}
        assert found == narrow.get(family.FAMILY, set(FORMATS)), family.FAMILY
    relations_in = {check.id.split("/")[-1] for check in relations.relations()}
    assert relations_in == set(FORMATS)


def test_every_family_gives_its_name_to_its_scenarios():
    for family in (*FAMILIES, *GENERATED):
        words = {scenario.id.split("/")[0] for scenario in family.scenarios()}
        assert words == {family.FAMILY}
    fresh = {c.id.split("/")[0] for c in CHECKS} - {
        *(family.FAMILY for family in (*FAMILIES, *GENERATED)),
        *("relations", "convex", "torch"),
    }
    assert fresh == {random_scenarios.FAMILY}


# -- nothing is written and forgotten --------------------------------------------------


def functions_that_return(module, *names):
    """The functions of a module whose annotated result is one of `names`."""
    return {
        name: function
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and function.__annotations__.get("return") in names
    }


def test_every_relation_is_in_its_table():
    written = functions_that_return(relations, "Iterator[Relation]", "Relation")
    helpers = {"relations", "_relation"}
    assert {f.__name__ for f in RELATIONS} == set(written) - helpers


def test_every_convex_problem_is_in_its_table():
    written = functions_that_return(regret_bound, "ConvexProblem")
    assert {f.__name__ for f in PROBLEMS} == set(written)


@pytest.mark.parametrize(
    "module", [*FAMILIES, *GENERATED, added_groups], ids=lambda m: m.__name__
)
def test_every_function_that_writes_scenarios_is_used(module):
    written = functions_that_return(module, "Iterator[Scenario]", "Scenario")
    used = {
        node.id
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Name)
    }
    assert written
    unused = {name for name in written if name.startswith("_")} - used
    assert not unused


def native_functions():
    """What `adapters/native` offers with one argument, an adapter, as module:name."""
    folder = Path(native.__file__).parent
    for path in (*folder.glob("torch_*.py"), *folder.glob("kinds/*.py")):
        package = "" if path.parent == folder else f".{path.parent.name}"
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                names = [argument.arg for argument in node.args.args]
                result = ast.unparse(node.returns)
                if names == ["adapter"] and result in ("NativeAnswer", "str | None"):
                    yield f"{native.__name__}{package}.{path.stem}:{node.name}"


def test_the_table_of_native_checks_is_the_folder():
    assert {entry.place for entry in NATIVE.values()} == set(native_functions())


# -- choosing --------------------------------------------------------------------------


def named(name):
    return next(check for check in CHECKS if check.id == name)


def test_a_pattern_fits_the_id_or_a_requirement():
    check = named("torch/in-place")
    assert matches(check, "torch/*", "MAY")
    assert matches(check, "algorithm/in-place", "MAY")
    assert not matches(check, "algorithm", "MAY")
    assert matches(check, None, "MUST")


def test_a_level_leaves_out_the_levels_below():
    should = next(check for check in CHECKS if check.level == "SHOULD")
    assert [matches(should, None, level) for level in ("MUST", "SHOULD", "MAY")] == [
        False,
        True,
        True,
    ]


def is_large(check):
    """It shows many params, or takes many element-steps."""
    if not isinstance(check, Scenario):
        return False
    readings = len(check.events) * len(check.tensors)
    long = check.id.startswith("long-runs/ten-thousand-steps/")
    return long or readings > 60 or max(t.size for t in check.tensors.values()) > 1000


def test_slow_are_compiling_checkpoints_in_files_and_other_processes():
    slow = {
        "/".join(check.id.split("/")[:2])
        for check in CHECKS
        if is_slow(check) and not is_large(check)
    }
    long = {"torch/compiled", "torch/compiled-in-binary64"}
    long.add("torch/distributed-checkpoint")
    assert slow == long | {"state-dict/new-process", "plain/elsewhere"}


def test_a_quick_run_has_the_covering_array_in_wide_formats():
    array = [
        check
        for check in selected(LIBRARY, 1, 1, Choice(quick=True))
        if check.id.startswith("meetings/")
    ]
    formats = {t.format for check in array for t in check.tensors.values()}
    assert formats == {"binary64", "binary32"}
    assert len(array) > 150


def test_the_number_of_fresh_scenarios():
    known = len(known_checks(LIBRARY))
    counts = [len(checks_of_a_run(LIBRARY, 1, n)) - known for n in (0, 1, 2)]
    assert counts == [0, 8, 12]  # one large one beside those in each of four formats
