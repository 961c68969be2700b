"""A row of the kill matrix: one port on every check of a run.

Rule 1.  Nothing is skipped: each check of the default run is performed and judged on
         each port, but for native checks that compile something for many seconds.
Rule 2.  A row holds no times, no addresses and no messages: the same code gives the
         same bytes.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from baselines import METHODS, Methods, alarms
from drive import Make, oracle
from legal_ports import LEGAL
from mutant_kit import Bent, adapter
from mutant_table import MUTANTS, Mutant

from adagrad_conformance import __version__
from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.adapters.own import torch_adapter as torch_own
from adagrad_conformance.checks.kinds import Check, NativeCheck
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.requirements.table import REQUIREMENTS
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.expectations import EventExpectation
from adagrad_reference.scenario import LEVELS, Scenario

__all__ = ["Bench", "Port", "failed", "named", "ports", "row"]

SEED = 20_110_712
FRESH = 6  #: random scenarios a format, as `run` draws by default

Json = dict[str, Any]

#: A judged check that did not pass has one of the other statuses.
NOT_JUDGED = ("not-claimed", "skipped")
FINE = (*NOT_JUDGED, "pass", "waived")

RIGHT: Mapping[str, Make] = {
    "numpy": numpy_own.NumpyAdapter,
    "bent": lambda: adapter(Bent),
    "own/torch-single": torch_own.single,
    "own/torch-foreach": torch_own.foreach,
    "torch/single": torch_optim.single,
    "torch/foreach": torch_optim.foreach,
}


@dataclass(frozen=True)
class Port:
    """A port to make a row of; a right one has no mutant."""

    name: str
    make: Make
    wrong: str  #: what is wrong with it, in one line
    mutant: Mutant | None = None


def ports() -> list[Port]:
    """The mutants, in order, and then the right ports."""
    return [
        *(Port(m.name, _maker(m.port), _first_line(m.port), m) for m in MUTANTS),
        *(Port(f"right/{name}", make, "") for name, make in RIGHT.items()),
        *(Port(f"legal/{p.__name__}", _maker(p), "") for p in LEGAL),
    ]


def _maker(port: type) -> Make:
    return lambda: adapter(port)


def _first_line(port: type) -> str:
    return (port.__dict__.get("__doc__") or "").strip().partition("\n")[0]


# -- what all rows share ---------------------------------------------------------------


class Bench:
    """The checks and their expectations, decoded once, before any row is made."""

    def __init__(
        self,
        keep: Callable[[Check], bool] = lambda check: True,
        methods: Methods = METHODS,
    ) -> None:
        torch.set_num_threads(1)  # a process with threads of OpenMP cannot be forked
        self.methods = methods
        self.library = Library.read()
        everything = checks_of_a_run(self.library, SEED, FRESH)
        self.checks = [c for c in everything if not _slow(c) and keep(c)]
        self.known: dict[str, Sequence[EventExpectation]] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.excused = frozenset(self._warm())

    def _warm(self) -> Iterator[str]:
        """Compute what rows have in common, and import what they import.

        Yields the requirements that the suite's own ports fail.  They are of level MAY,
        and catch nothing.
        """
        for tests in self.methods.values():
            for test in tests:
                test.run(oracle)  # which keeps what is due
        for name in ("numpy", "own/torch-single"):
            verdicts = played(self, RIGHT[name])
            yield from (v.requirements[0] for v in verdicts if v.status not in FINE)

    def expect(self, scenario: Scenario) -> Sequence[EventExpectation]:
        """As `Library.expectations`, remembered; only ports without state need it."""
        if scenario.id not in self.known:
            self.known[scenario.id] = self.library.expectations(scenario)
        return self.known[scenario.id]

    def header(self) -> Json:
        """What the rows rest on."""
        return {
            "suite": __version__,
            "vectors": self.library.digest,
            "seed": SEED,
            "checks": dict(Counter(check.level for check in self.checks)),
            "torch": torch.__version__,
            "numpy": np.__version__,
        }


def _slow(check: Check) -> bool:
    return isinstance(check, NativeCheck) and check.entry.slow


# -- a row -----------------------------------------------------------------------------


def played(bench: Bench, make: Make) -> list[Verdict]:
    """The verdicts on a port."""
    candidate = InProcessClient(make)
    identity = candidate.start()
    with np.errstate(all="ignore"):
        seen = list(observe(candidate, identity, bench.checks))
        return judge(seen, Terms(identity.claims, bench.expect))


def row(bench: Bench, port: Port) -> Json:
    """The verdicts of every check on one port, and the alarms of other methods."""
    warnings.simplefilter("ignore")
    _unhook(torch.optim.Optimizer)
    verdicts = played(bench, port.make)
    with np.errstate(all="ignore"):
        baselines = alarms(port.make, bench.methods)
    return {
        **named(port),
        **_outcome(verdicts, bench.excused if port.mutant else frozenset()),
        "baselines": baselines,
        "fails": [v.scenario for v in verdicts if v.status not in FINE],
    }


def failed(bench: Bench, port: Port) -> list[str]:
    """The checks that a port fails."""
    warnings.simplefilter("ignore")
    _unhook(torch.optim.Optimizer)
    candidate = InProcessClient(port.make)
    identity = candidate.start()
    with np.errstate(all="ignore"):
        seen = list(observe(candidate, identity, bench.checks))
        terms = Terms(identity.claims, bench.expect)
        verdicts = judge(seen, terms, graded=False)
    return [v.scenario for v in verdicts if v.status not in FINE]


def _unhook(base: type) -> None:
    """Forget which torch optimizers have been made in this process.

    torch wraps the `step` of a class, to call hooks, when it is first made.  A subclass
    whose own `step` calls the wrapped one is wrapped too, and calls its hooks twice.
    """
    for cls in base.__subclasses__():
        step = vars(cls).get("step")
        if hasattr(step, "hooked"):
            cls.step = step.__wrapped__  # type: ignore[attr-defined, union-attr]
        _unhook(cls)


def named(port: Port) -> Json:
    """What is known of a port before it is played."""
    if port.mutant is None:
        return {"name": port.name}
    return {
        "name": port.name,
        "kind": getattr(port.mutant, "kind", None),
        "wrong": port.wrong,
        "named": list(port.mutant.caught_by),
    }


def _outcome(verdicts: Sequence[Verdict], excused: frozenset[str]) -> Json:
    judged = [v for v in verdicts if v.status not in NOT_JUDGED]
    wrong = [v for v in judged if v.status not in FINE]
    failed = [v for v in wrong if v.requirements[0] not in excused]
    caught_at = next((n for n in LEVELS if any(v.level == n for v in failed)), None)
    first = next((v for v in failed if v.level == caught_at), None)
    return {
        "caught_at": caught_at,
        "first": first and [first.scenario, *first.requirements[:1]],
        "foremost": list(dict.fromkeys(v.requirements[0] for v in failed)),
        "margin": _margin(v for v in failed if v.level == caught_at),
        "checks": {level: _counts(failed, judged, level) for level in LEVELS},
        "requirements": {
            level: dict(_by_requirement(failed, judged, level)) for level in LEVELS
        },
    }


def _counts(
    failed: Iterable[Verdict], judged: Iterable[Verdict], level: str
) -> list[int]:
    return [sum(v.level == level for v in some) for some in (failed, judged)]


def _by_requirement(
    failed: Sequence[Verdict], judged: Sequence[Verdict], level: str
) -> Iterator[tuple[str, list[Any]]]:
    """Failed and judged checks and the largest margin, where any failed.

    A check decides the requirements that it names and that are of its own level.
    """
    totals: Counter[str] = Counter()
    failures: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in judged:
        totals.update(verdict.requirements if verdict.level == level else ())
    for verdict in failed:
        for name in verdict.requirements if verdict.level == level else ():
            failures[name].append(verdict)
    for name, requirement in REQUIREMENTS.items():
        if requirement.level == level and name in failures:
            some = failures[name]
            yield name, [len(some), totals[name], _margin(some)]


def _margin(failed: Iterable[Verdict]) -> float | str | None:
    """The largest distance from an enclosure, in ulp; "inf" where it is none.

    A check that broke off has no margin, which counts as infinite.
    """
    margins = [math.inf if v.margin is None else v.margin for v in failed]
    if not margins:
        return None
    largest = max(margins)
    return float(f"{largest:.4g}") if math.isfinite(largest) else "inf"
