"""Nothing is conformant on little evidence: the basis of a verdict, and its floor."""

import json

from click.testing import CliRunner

from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter
from adagrad_conformance.cli.main import main
from adagrad_conformance.evaluation.api import evaluate
from adagrad_conformance.evaluation.basis import FLOOR
from adagrad_conformance.evaluation.conclusion import Conclusion


class Claims(NumpyAdapter):
    """The NumPy port with other claims."""

    def __init__(self, *claims, **constants):
        super().__init__()
        self.claims, self.constants = frozenset(claims), constants


def test_a_port_with_few_claims_is_conformant_and_says_on_what():
    result = evaluate(Claims("binary32", "eps"), seed=1, fresh=1, explain=False)
    assert result.conclusion is Conclusion.CONFORMANT
    basis = result.basis
    assert not basis.lacking
    assert basis.element_steps >= FLOOR.element_steps
    assert basis.size >= FLOOR.size
    assert basis.steps >= FLOOR.steps
    assert 0 < basis.judged < basis.requirements
    assert basis.not_judged["maximize/sign"] == ("maximize",)
    assert "weight decay" in basis.silent_themes
    lines = str(result).splitlines()
    assert lines[1].startswith("  rests on ")
    assert any(line.startswith("  not judged at all: ") for line in lines[:4])


def test_a_port_of_which_nothing_is_known_is_insufficient():
    """Without eps, as claim or constant, no scenario can be played."""
    result = evaluate(Claims("binary32"), seed=1, fresh=1)
    assert result.conclusion is Conclusion.INSUFFICIENT
    assert not result.conformant
    assert result.exit_code() == result.exit_code(strict=True) == 4
    assert any("algorithm/update is not judged" in x for x in result.basis.lacking)
    assert "eps" in str(result)


def test_failures_weigh_more_than_little_evidence():
    class Wrong(Claims):
        def step(self, name):
            return 7.0

    result = evaluate(Wrong("binary32", "defaults"), seed=1, fresh=1, explain=False)
    assert result.failures
    assert result.exit_code() == 1


def test_what_was_chosen_by_name_has_no_basis():
    result = evaluate(Claims("binary32", "eps"), only="algorithm/*", seed=1)
    assert result.basis is None
    assert result.conformant


SHORT = """
from adagrad_conformance.adapters.own.numpy_adapter import NumpyAdapter

class Silent(NumpyAdapter):
    claims = frozenset({"binary64"})
"""


def test_fail_fast_lets_no_port_pass_on_little_evidence(tmp_path):
    """Only a run that a failure has cut short has no basis."""
    path = tmp_path / "silent.py"
    path.write_text(SHORT)
    args = ["run", f"{path}:Silent", "--seed", "1", "--fail-fast"]
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 4, result.output
    assert "INSUFFICIENT" in result.output


def test_the_command_ends_with_4_and_says_what_would_lift_it(tmp_path):
    (tmp_path / "silent.py").write_text(SHORT)
    stream = tmp_path / "stream.jsonl"
    line = ["run", f"{tmp_path}/silent.py:Silent", "--seed", "1", "--json", str(stream)]
    done = CliRunner().invoke(main, line)
    assert done.exit_code == 4
    assert "INSUFFICIENT" in done.output
    assert "needs: " in done.output
    records = [json.loads(line) for line in stream.read_text().splitlines()]
    (target,) = (r for r in records if r["record"] == "target")
    assert target["basis"]["lacking"]
    assert records[-1]["exit_code"] == 4
