"""Mutation operators on the suite's own ports: what the default suite does not find.

    python tests/mutants/operators.py OUT.json [PORT ...]

Plays the suite on each changed port until the first failure, two ports at a time, and
compares what survives with the table in survivors.py, where every survivor has its
reason.  Ends with 1 if they differ.  Needs cosmic-ray.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import sys
import types
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from first_failure import Found, first_failure, warm_up
from forked import in_forks
from mutation_operators import Mutation, mutations
from survivors import SURVIVORS

__all__ = ["PORTS", "Outcome", "Port", "campaign", "changes", "main"]

PACKAGE = "adagrad_conformance"
PATIENCE = 300.0  #: seconds for one changed port; the whole suite takes five
MEMORY = 16 << 30  #: bytes of address space: torch alone maps much of that


@dataclass(frozen=True)
class Port:
    """Modules that are changed, one at a time, and how the adapter is got from them."""

    changed: tuple[str, ...]
    chain: tuple[str, ...]  #: these import each other, in this order
    factory: str


_NUMPY = ("adapters.own.validation", "adapters.own.numpy_adagrad")
_BASE = ("adapters.own.validation", "adapters.own.torch_base")
PORTS = {
    "numpy": Port(
        ("adapters.own.validation", "adapters.own.numpy_adagrad"),
        (
            "adapters.own.validation",
            "adapters.own.numpy_adagrad",
            "adapters.own.numpy_adapter",
        ),
        "NumpyAdapter",
    ),
    "torch": Port(
        ("adapters.own.torch_base", "adapters.own.torch_single"),
        (*_BASE, "adapters.own.torch_single", "adapters.own.torch_adapter"),
        "single",
    ),
    "foreach": Port(
        ("adapters.own.torch_foreach",),
        (*_BASE, "adapters.own.torch_foreach", "adapters.own.torch_adapter"),
        "foreach",
    ),
}


@dataclass(frozen=True)
class Outcome:
    """One change and what found it: nothing, a check, or that it did not end."""

    mutation: Mutation
    found: Found | None

    @property
    def survived(self) -> bool:
        """Whether nothing at MUST found it."""
        return self.found is None or self.found.level != "MUST"


def source_of(module: str) -> str:
    """The text of a module of the package."""
    path = importlib.import_module(f"{PACKAGE}.{module}").__file__
    return Path(str(path)).read_text(encoding="utf-8")


def changes(port: Port, operator: str = "") -> Iterator[Mutation]:
    """Every change of the port."""
    for module in port.changed:
        yield from mutations(module, source_of(module), operator)


def changed_port(port: Port, mutation: Mutation) -> Any:
    """The factory of the changed port; only for a process of its own."""
    name = f"{PACKAGE}.{mutation.module}"
    module = types.ModuleType(name)
    module.__package__, _, _ = name.rpartition(".")
    sys.modules[name] = module
    exec(compile(mutation.source, name, "exec"), module.__dict__)
    for later in port.chain[port.chain.index(mutation.module) + 1 :]:
        importlib.reload(importlib.import_module(f"{PACKAGE}.{later}"))
    return getattr(sys.modules[f"{PACKAGE}.{port.chain[-1]}"], port.factory)


def campaign(
    port: Port, chosen: Sequence[Mutation], jobs: int = 2
) -> Iterator[Outcome]:
    """Play the suite on each change, in processes of their own, `jobs` at once."""

    def work(mutation: Mutation) -> Found | None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        return first_failure(changed_port(port, mutation))

    torch.set_num_threads(1)
    adapters = importlib.import_module(f"{PACKAGE}.{port.chain[-1]}")
    if found := warm_up(getattr(adapters, port.factory)):
        raise SystemExit(f"the port as it stands does not pass: {found}")
    for ended in in_forks(work, chosen, jobs, PATIENCE):
        found = ended.answer
        if ended.problem:
            found = Found("MUST", "crash", ended.problem, "the whole suite")
        yield Outcome(chosen[ended.task], found)


def unexplained(outcomes: Iterable[Outcome]) -> list[Mutation]:
    """Survivors for which the table has no reason."""
    return [
        outcome.mutation
        for outcome in outcomes
        if outcome.survived and outcome.mutation.key not in SURVIVORS
    ]


def outdated(outcomes: Iterable[Outcome], played: Iterable[Mutation]) -> list[Any]:
    """Entries of the table that do not survive, or are no change of these modules."""
    modules = {mutation.module for mutation in played}
    alive = {outcome.mutation.key for outcome in outcomes if outcome.survived}
    return [key for key in SURVIVORS if key[0] in modules and key not in alive]


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("ports", nargs="*", default=list(PORTS))
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args(argv)
    outcomes: list[Outcome] = []
    for name in given.ports:
        chosen = list(changes(PORTS[name]))
        played = list(campaign(PORTS[name], chosen, given.jobs))
        outcomes += sorted(played, key=lambda outcome: chosen.index(outcome.mutation))
        print(name, *_counts(played))
    new = unexplained(outcomes)
    old = outdated(outcomes, [outcome.mutation for outcome in outcomes])
    given.out.write_text(json.dumps([_record(o) for o in outcomes], indent=1) + "\n")
    for mutation in new:
        print(f"survives: {mutation.module}: {mutation.before}\n  -> {mutation.after}")
    for module, before, after in old:
        print(f"survives no longer: {module}: {before}\n  -> {after}")
    return 1 if new or old else 0


def _counts(played: Sequence[Outcome]) -> Iterator[str]:
    yield f"{len(played)} changes"
    survivors = [outcome for outcome in played if outcome.survived]
    yield f"{len(played) - len(survivors)} found at MUST"
    reasons = Counter(SURVIVORS.get(o.mutation.key, "unexplained") for o in survivors)
    for reason, count in reasons.most_common():
        yield f"\n  {count} survive: {reason}"


def _record(outcome: Outcome) -> dict[str, Any]:
    shown = {k: v for k, v in asdict(outcome.mutation).items() if k != "source"}
    found = outcome.found and asdict(outcome.found)
    return {
        **shown,
        "found": found,
        "reason": SURVIVORS.get(outcome.mutation.key) if outcome.survived else None,
    }


if __name__ == "__main__":
    sys.exit(main())
