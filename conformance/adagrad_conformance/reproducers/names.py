"""The names that a script may use, and a scenario that uses no others.

Rule 1.  An identifier in a script is a letter with digits behind it, or none.  A name
         of the scenario that is one stays; every other name is replaced.
Rule 2.  Params, optimizers and saves are distinct in a script, and differ from what the
         script itself binds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeVar

from adagrad_reference.bookkeeping import ScenarioError
from adagrad_reference.events import map_events, map_names
from adagrad_reference.scenario import (
    Save,
    Scenario,
)

from .assertion import Assertion
from .literals import python_literal

__all__ = ["ScriptNames", "script_names"]

_IDENTIFIER = re.compile(r"[A-Za-z][0-9]{0,5}", re.ASCII)
_T = TypeVar("_T")


@dataclass(frozen=True)
class ScriptNames:
    """The identifier of each param, optimizer and save of a scenario."""

    params: Mapping[str, str]
    optimizers: Mapping[str, str]
    saves: Mapping[str, str]

    def scenario(self, scenario: Scenario) -> Scenario:
        """The scenario under these names.

        Raises `ScenarioError` where it speaks of a param or save that it has not.
        """
        tensors = {self._param(name): t for name, t in scenario.tensors.items()}
        renamed = map_events(
            scenario,
            lambda event: map_names(
                event, self.optimizers.__getitem__, self._param, self._save
            ),
        )
        return replace(renamed, tensors=tensors)

    def assertion(self, asserted: Assertion) -> Assertion:
        """The assertion under these names."""
        optimizer = self.optimizers.get(asserted.optimizer, "")
        return replace(
            asserted, param=self.params.get(asserted.param, ""), optimizer=optimizer
        )

    def replaced(self) -> Iterator[str]:
        """A line of words for each name that is another in the script."""
        kinds = {"param": self.params, "optimizer": self.optimizers, "save": self.saves}
        for kind, names in kinds.items():
            for name, mine in names.items():
                if name != mine:
                    yield f"{mine} is the {kind} {python_literal(name)}"

    def _param(self, name: str) -> str:
        return _found(self.params, "param", name)

    def _save(self, name: str) -> str:
        return _found(self.saves, "save", name)


def _found(names: Mapping[str, str], kind: str, name: str) -> str:
    if name not in names:
        raise ScenarioError(f"there is no {kind} {python_literal(name)}")
    return names[name]


def script_names(scenario: Scenario, taken: Iterable[str]) -> ScriptNames:
    """Names for the scenario in a script that binds the names of `taken` itself."""
    used = set(taken)
    saves = (event.name for event in scenario.events if isinstance(event, Save))
    optimizers = (event.optimizer for event in scenario.events)
    return ScriptNames(
        _identifiers(scenario.tensors, "p", used),
        _identifiers(optimizers, "A", used),
        _identifiers(saves, "s", used),
    )


def _identifiers(names: Iterable[str], letter: str, used: set[str]) -> dict[str, str]:
    """A name for each, new in `used`; the names that can stay are given first."""
    listed = list(dict.fromkeys(names))
    found: dict[str, str] = {}
    for name in listed:
        if _IDENTIFIER.fullmatch(name) and name not in used:
            found[name] = name
            used.add(name)
    numbered = (f"{letter}{number or ''}" for number in count())
    for name in listed:
        if name not in found:
            found[name] = next(mine for mine in numbered if mine not in used)
            used.add(found[name])
    return {name: found[name] for name in listed}
