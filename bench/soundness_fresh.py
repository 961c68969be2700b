"""Random scenarios on right ports, seed after seed: nothing may fail."""

from __future__ import annotations

from dataclasses import dataclass, field

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.checks.scenarios.random_scenarios import fresh_scenarios
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.scenario import Scenario

__all__ = ["PORTS", "PlayedRow", "play_seeds"]

PORTS = {
    "numpy": numpy_own.NumpyAdapter,
    "own/torch-single": torch_own.single,
    "own/torch-foreach": torch_own.foreach,
    "torch/single": torch_optim.single,
    "torch/foreach": torch_optim.foreach,
}


@dataclass
class PlayedRow:
    """One port over some seeds."""

    port: str
    scenarios: int = 0
    elements: int = 0  #: element-steps that were judged
    failed: int = 0
    replayed: int = 0  #: failed scenarios that passed when they were played again
    examples: list[str] = field(default_factory=list)


def play_seeds(first: int, count: int, per_format: int) -> list[PlayedRow]:
    """Play `per_format` scenarios a format, for `count` seeds, on every port."""
    ports = {name: InProcessClient(make) for name, make in PORTS.items()}
    identities = {name: port.start() for name, port in ports.items()}
    rows = {name: PlayedRow(name) for name in PORTS}
    for seed in range(first, first + count):
        scenarios = list(fresh_scenarios(seed, per_format))
        for name, port in ports.items():
            _play(rows[name], port, identities[name], scenarios)
    return list(rows.values())


def _play(
    row: PlayedRow, port: InProcessClient, identity: Identity, scenarios: list[Scenario]
) -> None:
    for scenario, verdict in _verdicts(port, identity, scenarios):
        row.scenarios += 1
        row.elements += verdict.elements
        if verdict.status != "pass":
            row.failed += 1
            (again,) = _verdicts(port, identity, [scenario])
            row.replayed += again[1].status == "pass"
            row.examples.append(
                f"{verdict.scenario}: {verdict.status} {verdict.failure}"
            )


def _verdicts(
    port: InProcessClient, identity: Identity, scenarios: list[Scenario]
) -> list[tuple[Scenario, Verdict]]:
    seen = list(observe(port, identity, scenarios))
    verdicts = judge(seen, Terms(identity.claims, lambda scenario: ()))
    return list(zip(scenarios, verdicts, strict=True))
