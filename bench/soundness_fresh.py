"""Random scenarios on right ports, seed after seed: nothing may fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from all_zoo import KINDS
from zoo_kit import modest

from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.base import Adapter
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.checks.projection.fitting import fit
from adagrad_conformance.checks.scenarios.random_scenarios import fresh_scenarios
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.dialects import DIALECTS
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


def play_seeds(first: int, count: int, per_format: int, turn: int) -> list[PlayedRow]:
    """Play `per_format` scenarios a format, for `count` seeds, on every port.

    Of the zoo only those play whose turn it is, as they are and by a modest author.
    """
    rows = {name: PlayedRow(name) for name in PORTS}
    scenarios = [
        list(fresh_scenarios(seed, per_format)) for seed in range(first, first + count)
    ]
    for name, make in PORTS.items():
        _play_all(rows[name], make, scenarios)
    for kind, ports in KINDS.items():
        row = rows[kind] = PlayedRow(f"zoo: {kind} ({2 * len(ports)})")
        name = list(ports)[turn % len(ports)]
        make = ports[name] if turn // len(ports) % 2 == 0 else modest(ports[name])
        _play_all(row, make, scenarios)
    return list(rows.values())


def _play_all(
    row: PlayedRow,
    make: Callable[[], Adapter],
    scenarios: list[list[Scenario]],
) -> None:
    port = InProcessClient(make)
    with _known(make()):
        identity = port.start()
        for drawn in scenarios:
            fitted = fit(drawn, identity.claims, identity.constants)
            _play(row, port, identity, fitted)


@contextmanager
def _known(adapter: Adapter) -> Iterator[None]:
    """A dialect of a port's own is known while it is played."""
    own = getattr(adapter, "own_dialect", None)
    with mock.patch.dict(DIALECTS, {own.name: own} if own else {}):
        yield


def _play(
    row: PlayedRow, port: InProcessClient, identity: Identity, scenarios: list[Scenario]
) -> None:
    for scenario, verdict in _verdicts(port, identity, scenarios):
        if not verdict.status.was_judged:
            continue
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
    terms = Terms(identity.claims, dialect=DIALECTS[identity.dialect])
    return list(zip(scenarios, judge(seen, terms), strict=True))
