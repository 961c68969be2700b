"""What is caught of a port that has little: the mutants in profiles of the world.

A profile is what kinds of published Adagrads can do.  In it a mutant claims no more,
shows no more, and is asked what the profile can be asked.  Whether a mutant exists in a
profile is decided by running: it and the right port from which it stems play the same
checks, and then random scenarios that the suite does not play, with the state in
sight.  Where they agree in every bit, the fault is not there; where they differ only
inside of the enclosure, it is lawful there.

Rows are made as in matrix.py, each in a forked process.

    python tests/mutants/profiles.py OUT.json [--jobs 2] [--every N]

The figures become the key `profiles` of OUT.json, beside what power.py has written.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from baselines import GRID, Probe, alarms, setting
from drive import Make
from forked import in_forks
from mutant_kit import Bent, adapter
from mutant_table import MUTANTS, Mutant
from open_port import Open

from adagrad_conformance.adapters.base import PLAIN_CLAIMS, Adapter
from adagrad_conformance.checks.fixed_options import missing_claims
from adagrad_conformance.checks.kinds import Check, NativeCheck
from adagrad_conformance.checks.projection.fitting import fit
from adagrad_conformance.checks.scenarios.random_scenarios import fresh_scenarios
from adagrad_conformance.checks.selection import checks_of_a_run, is_slow
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.execution.observations import (
    AdaptiveSeen,
    Observation,
    RelationSeen,
    Seen,
)
from adagrad_conformance.execution.runner import perform
from adagrad_conformance.files import write_text
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.transport.in_process import InProcessClient

__all__ = ["PROFILES", "Arena", "Profile", "main", "narrowed", "profile_power"]

Json = dict[str, Any]

SEED, FRESH = 20_110_712, 6  #: of the checks, as in rows.py

_TWO = frozenset({"binary64", "binary32"})
_EPS = _TWO | {"eps", "zero-lr"}
_STATE = _EPS | {"state"}
_NAMED = _STATE | {"none-gradient", "gradients", "zero-grad"}
_GROUPS = _NAMED | {
    *("groups", "add-group", "set-option", "weight-decay", "lr-decay", "defaults"),
    *("initial-accumulator-value", "zero-accumulator", "maximize", "zero-eps"),
    *("save", "load-deepcopy", "load-bytes", "refusals", "many-steps"),
}


@dataclass(frozen=True)
class Profile:
    """What a kind of port claims, and the options that it fixes."""

    words: str
    claims: frozenset[str]
    constants: Mapping[str, float] = field(default_factory=dict)

    @property
    def hidden(self) -> bool:
        """Whether the state is out of sight."""
        return "state" not in self.claims


#: The profiles, from the poorest to the richest.  What everything can do is in the
#: kill matrix.
PROFILES: Mapping[str, Profile] = {
    "lr": Profile(
        "a step function with lr alone, eps fixed, the state hidden",
        _TWO | {"zero-lr"},
        {"eps": 1e-8},
    ),
    "lr-eps": Profile("lr and eps, the state hidden", _EPS),
    "array": Profile("one array, lr, eps and the state", _STATE | {"one-param"}),
    "state": Profile("lr, eps and the state", _STATE),
    "tau": Profile(
        "the same, and the initial accumulator",
        _STATE | {"initial-accumulator-value", "zero-accumulator"},
    ),
    "weight-decay": Profile("the same, and weight decay", _STATE | {"weight-decay"}),
    "lr-decay": Profile("the same, and lr_decay", _STATE | {"lr-decay"}),
    "none": Profile("named params whose gradient may be None", _NAMED),
    "groups": Profile("an optimizer with groups, options, save and load", _GROUPS),
}


def narrowed(make: Make, profile: Profile, in_sight: bool = False) -> Make:
    """The port with the claims of a profile alone; `in_sight` shows its state still."""

    def narrow() -> Adapter:
        port = make()
        peculiar = profile.claims - PLAIN_CLAIMS
        port.claims = (port.claims & profile.claims) | peculiar
        port.constants = dict(profile.constants)
        make_optimizer = port.make_optimizer  # of every adapter here
        port.make_optimizer = lambda params, options: make_optimizer(
            params, {**profile.constants, **options}
        )
        if in_sight:
            port.claims |= {"state"}
        elif profile.hidden:
            shown = port.read
            port.read = lambda name: {  # type: ignore[method-assign]
                p: replace(r, state_sum=None, t=None) for p, r in shown(name).items()
            }
        return port

    return narrow


# -- one mutant in one profile ---------------------------------------------------------


class Arena:
    """The checks of a profile, fitted to a base port, and what that port does in them.

    `base` is the right port from which mutants stem.
    """

    def __init__(
        self, checks: Sequence[Check], profile: Profile, base: Make, in_sight: bool
    ) -> None:
        self.make = lambda make: narrowed(make, profile, in_sight)
        port = self.make(base)()
        self.terms = Terms(port.claims)
        asked = fit(checks, port.claims, port.constants)
        must = [
            check
            for check in asked
            if check.level == "MUST"
            and not (isinstance(check, NativeCheck) and check.entry.slow)
            and not missing_claims(check, port.claims, port.constants)
        ]
        client = InProcessClient(self.make(base))
        client.start()
        self.checks = [(check, _shown(perform(client, check))) for check in must]

    def first(self, make: Make) -> tuple[str | None, bool]:
        """The first check at MUST that a port fails, and whether it differs at all."""
        client = InProcessClient(self.make(make))
        client.start()
        differs = False
        for check, due in self.checks:
            seen = perform(client, check)
            if not client.alive:
                client.start()
            if due is not None and _shown(seen) == due:
                continue
            differs |= due is not None
            (verdict,) = judge([seen], self.terms, graded=False)
            if verdict.status.is_failure:
                return check.id, True
        return None, differs


def _shown(seen: Seen) -> Any:
    """What a port has shown in a check, as something to compare; None: not known."""
    match seen:
        case Observation():
            return seen.status, [
                (bool(event.refusal), event.readings, event.loss, event.trace)
                for event in seen.events
            ]
        case RelationSeen():
            return _shown(seen.left), _shown(seen.right)
        case AdaptiveSeen():
            return _shown(seen.observation)
        case _:
            return None


#: Seeds of random scenarios that decide whether a fault exists in a profile.
_OTHER_SEEDS = range(7_000, 7_004)


class Arenas:
    """All arenas, made once before rows are forked."""

    def __init__(
        self, checks: Sequence[Check], profiles: Mapping[str, Profile]
    ) -> None:
        others = [s for seed in _OTHER_SEEDS for s in fresh_scenarios(seed, 6)]
        bases = {"bent": lambda: adapter(Bent), "open": lambda: adapter(Open)}
        self.suite = {
            (name, base): Arena(checks, profile, make, False)
            for name, profile in profiles.items()
            for base, make in bases.items()
        }
        self.others = {
            (name, base): Arena(others, profile, make, True)
            for name, profile in profiles.items()
            for base, make in bases.items()
        }
        self.profiles = profiles

    def row(self, mutant: Mutant) -> Json:
        """What becomes of a mutant in each profile."""
        warnings.simplefilter("ignore")
        base = "bent" if issubclass(mutant.port, Bent) else "open"
        found: Json = {}
        with np.errstate(all="ignore"):
            for name, profile in self.profiles.items():
                check, differs = self.suite[name, base].first(
                    lambda: adapter(mutant.port)
                )
                row: Json = {"check": check}
                if check is None:
                    other, there = self.others[name, base].first(
                        lambda: adapter(mutant.port)
                    )
                    row["exists"] = other is not None
                    row["lawful"] = other is None and (differs or there)
                row["alarms"] = {
                    method: list(some.raised)
                    for method, some in alarms(
                        narrowed(lambda: adapter(mutant.port), profile),
                        _methods(profile),
                    ).items()
                }
                found[name] = row
        return found


# -- what people compare with today, in the same profile -------------------------------


def _methods(profile: Profile) -> Mapping[str, Sequence[Probe]]:
    """allclose and the grid, with the options that the profile has."""
    choices = [
        [(name, value) for value in values]
        for name, values in GRID.items()
        if name == "lr" or name.replace("_", "-") in profile.claims
    ]
    fixed = tuple(profile.constants.items())
    settings = [(*chosen, *fixed) for chosen in itertools.product(*choices)]
    usual = (("lr", 0.01), *(fixed or (("eps", 1e-10),)))
    return {
        "allclose": [setting("binary32", usual, fixed)],
        "grid": [
            setting(fmt, chosen, fixed)
            for fmt in ("binary64", "binary32")
            for chosen in settings
        ],
    }


# -- all of them -----------------------------------------------------------------------


def profile_power(
    checks: Sequence[Check],
    mutants: Iterable[Mutant] = MUTANTS,
    jobs: int = 2,
    patience: float = 900.0,
) -> Json:
    """For each profile what it has, and what becomes of each mutant in it."""
    torch.set_num_threads(1)
    chosen = list(mutants)
    arenas = Arenas(checks, PROFILES)
    rows: dict[str, Json] = {}
    work: Callable[[int], Json] = lambda number: arenas.row(chosen[number])  # noqa: E731
    for ended in in_forks(work, range(len(chosen)), jobs, patience):
        mutant = chosen[ended.task]
        rows[mutant.name] = ended.answer or {"problem": ended.problem}
        done = f"{len(rows)} of {len(chosen)}"
        caught = sum(bool(r.get("check")) for r in _results(rows[mutant.name]))
        print(f"{done}: {mutant.name} in {caught} profiles", file=sys.stderr)
    sound = _unsound(PROFILES)
    return {
        name: _summary(name, profile, rows, sound[name], arenas)
        for name, profile in PROFILES.items()
    }


def _results(row: Json) -> Iterator[Json]:
    return (value for value in row.values() if isinstance(value, dict))


def _unsound(profiles: Mapping[str, Profile]) -> dict[str, dict[str, set[str]]]:
    """The comparisons that accuse a right port in a profile."""
    right = (lambda: adapter(Bent), lambda: adapter(Open))
    found: dict[str, dict[str, set[str]]] = {}
    for name, profile in profiles.items():
        found[name] = {method: set() for method in _methods(profile)}
        for make in right:
            for method, some in alarms(
                narrowed(make, profile), _methods(profile)
            ).items():
                found[name][method] |= set(some.raised)
    return found


def _summary(
    name: str,
    profile: Profile,
    rows: Mapping[str, Json],
    unsound: Mapping[str, set[str]],
    arenas: Arenas,
) -> Json:
    here = {mutant: row.get(name, {"check": "?"}) for mutant, row in rows.items()}
    caught = {m for m, row in here.items() if row["check"]}
    exists = caught | {m for m, row in here.items() if row.get("exists")}
    return {
        "words": profile.words,
        "claims": sorted(profile.claims),
        "constants": {key: repr(value) for key, value in profile.constants.items()},
        "hidden": profile.hidden,
        "checks": len(arenas.suite[name, "bent"].checks),
        "mutants": len(here),
        "possible": len(exists),
        "caught": len(caught),
        "missed": sorted(exists - caught),
        "lawful": sorted(m for m, row in here.items() if row.get("lawful")),
        "methods": {
            method: sum(
                bool(set(row.get("alarms", {}).get(method, ())) - unsound[method])
                for m, row in here.items()
                if m in exists
            )
            for method in unsound
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, and add the figures to those of the kill matrix."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=2, help="how many at once")
    parser.add_argument("--every", type=int, default=1, help="each N-th mutant alone")
    options = parser.parse_args(arguments)
    checks = checks_of_a_run(Library.read(), SEED, FRESH)
    quick = [check for check in checks if not is_slow(check)]
    found = profile_power(quick, MUTANTS[:: options.every], options.jobs)
    known = json.loads(options.out.read_text("utf-8")) if options.out.exists() else {}
    known["profiles"] = found
    write_text(options.out, json.dumps(known, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
