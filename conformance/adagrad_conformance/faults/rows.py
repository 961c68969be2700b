"""The search for what explains the numbers of steps: rules, and where they are wrong.

Each row has two cells, S and theta; theta is held against the S that the port shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from adagrad_reference.fault_class import FaultClass

from .causes import Cause, classes_by_place, places_of
from .columns import SLACK, Columns, columns_of
from .complaints import SUM, THETA, Complaint, complaints_of
from .conditions import (
    Atom,
    Atoms,
    Condition,
    FeatureTable,
    atoms_of_rows,
    atoms_of_units,
)
from .other_inputs import inferred_rules, inferred_sums, rules, rules_upon
from .rules import Rule, agrees, new_sum, new_theta
from .units import Unit

__all__ = ["row_causes"]

Array = Any

#: What a rule and a condition alone cost, in failed checks.
_RULE, _MECHANISM = 0.4, 0.9
#: And what it costs to say that numbers are none.
_CLEAR = 0.3
#: A condition alone says where numbers are wrong and not what they are: this share of
#: what it explains is not counted.
_WHAT = 0.15
#: The least share of the wrong cells that is worth a search for a condition.
_WORTH = 0.2
#: How many rules get a condition.
_TRIED = 5
#: Units whose rows are looked at, failing and passing, and rows of each.
_FAILING, _PASSING, _ROWS = 200, 400, 16
#: So many elements may all be right where each is wrong half the time.
_FEW = 8
#: The name of a departure too small for the slack of rules.
_SLIGHT = "slightly-off"
#: The name of numbers that are none.
_NOT_FINITE = "not-finite"
#: Names that say what is wrong.
_TELLING = {_SLIGHT, _NOT_FINITE}
#: How much nearer a rule must be than the document to explain a slight departure.
_NEARER = 0.6
#: The share of a unit's wrong cells that a cause must explain.
_UNIT = 0.9


def row_causes(
    features: FeatureTable,
    failing: Sequence[Unit],
    passing: Sequence[Unit],
    weights: Mapping[Complaint, float],
    price: float = 1.0,
    known: Sequence[Rule] = (),
) -> Iterator[Cause]:
    """Causes of wrong numbers, in units that show their steps; words cost `price`.

    `known` are the rules that the port is known to compute.
    """
    if not failing:
        return
    some = _thin(failing, _FAILING)
    units = [*some, *_thin(passing, _PASSING)]
    table = _Table(features, units, weights, failing, len(some), price)
    if len(table.columns):
        yield from table.causes(known)


class _Table:
    """Rows of units, their cells, and the causes that explain them."""

    def __init__(
        self,
        features: FeatureTable,
        units: Sequence[Unit],
        weights: Mapping[Complaint, float],
        failing: Sequence[Unit],
        looked: int,
        price: float = 1.0,
    ) -> None:
        self.units, self.failing, self.looked = units, failing, looked
        self.features, self.price = features, price
        self.columns = c = columns_of(units, _ROWS)
        self.number = number = c.unit.astype(int)
        n = len(units)
        tokens = [{x[-1] for x in complaints_of(u)} & {SUM, THETA} for u in units]
        failed = np.array([bool(t) for t in tokens])
        self.wrong, per_unit = _wrong_cells(c, number, failed)
        #: units whose departures are too small for the slack of rules
        self.slight = failed & (per_unit == 0)
        unit_weight = np.array(
            [sum(weights.get((*u.key, t), 0.0) for t in (SUM, THETA)) for u in units]
        )
        whole = sum(
            weights.get((*u.key, t), 0.0) for u in failing for t in (SUM, THETA)
        )
        unit_weight *= whole / max(1e-9, unit_weight.sum())
        each = (unit_weight / np.maximum(per_unit, 1))[number]
        self.fails = np.where(self.wrong, each, 0.0)
        rows = np.bincount(number, minlength=n)
        self.slight_fails = np.where(
            self.slight[number], (unit_weight / np.maximum(rows, 1))[number], 0.0
        )
        shares = Counter(u.piece for u in units)
        of_unit = np.array([1 / shares[u.piece] for u in units])
        passes = (of_unit / np.maximum(rows, 1))[number]
        # where few elements are seen, a slight departure may hide in rounding
        self.sure = (rows / (rows + _FEW))[number]
        self.passes = np.where(self.wrong | self.slight[number], 0.0, 0.5 * passes)

    def causes(self, known: Sequence[Rule]) -> Iterator[Cause]:
        """Rules under conditions, and conditions alone."""
        c = self.columns
        atoms = Atoms(self._atoms(), self.wrong.size, self.price)
        with np.errstate(all="ignore"):
            tried = list(rules())
            tried += [rule for base in known for rule in rules_upon(base)]
            theta_alone = self.wrong[1] & ~self.wrong[0]
            if theta_alone.any():
                tried += inferred_rules(c.take(np.flatnonzero(theta_alone)))
            if self.wrong[0].any():
                tried += inferred_sums(c.take(np.flatnonzero(self.wrong[0])))
            yield from self._by_rules(tried, atoms)
        yield from self._by_condition(atoms)

    def _atoms(self) -> Iterator[Atom]:
        """Atoms as masks over both cells of each row."""
        rows = self.fails.sum(axis=0) + self.slight_fails
        flags = np.bincount(self.number, rows, minlength=len(self.units))
        for atom in atoms_of_units(self.features, self.units, flags):
            yield atom._replace(holds=np.tile(atom.holds[self.number], 2))
        for atom in atoms_of_rows(self.columns, rows):
            if atom.holds.any() and not atom.holds.all():
                yield atom._replace(holds=np.tile(atom.holds, 2))

    def _by_rules(self, tried: Sequence[Rule], atoms: Atoms) -> Iterator[Cause]:
        c, total = self.columns, float(self.fails.sum())
        if not total:
            return
        scored = []
        for order, rule in enumerate(tried):
            fits = _fits(rule, c)
            hit = float(self.fails[fits & self.wrong].sum())
            if hit < _WORTH * total:
                continue
            against = float(self.passes[~fits].sum())
            scored.append((hit - 0.5 * against, -order, rule, fits))
        scored.sort(key=lambda s: s[:2], reverse=True)
        for _, _, rule, fits in scored[:_TRIED]:
            found = atoms.shortest(
                np.where(fits, self.fails, 0.0).ravel(),
                np.where(fits, 0.0, self.passes).ravel(),
            )
            held = self._held(found.holds)
            yield self._cause(
                Cause(
                    "-".join(filter(None, (rule.slug, found.slug))),
                    " where ".join(filter(None, (rule.words, found.words))),
                    rule.kind,
                    found.gain - _RULE * self.price,
                    next(iter(places_of(found)), ""),
                    against=round(found.against),
                    switch=None if found.atoms else rule.switch,
                    root="=".join(rule.switch or (rule.slug,)),
                    rule=rule,
                ),
                held & fits & self.wrong,
                partial(self._elsewhere, rule, found),
                rule,
            )

    def _by_condition(self, atoms: Atoms) -> Iterator[Cause]:
        """Where numbers are wrong, whatever they are."""
        both = np.array([self.slight[self.number]] * 2).reshape(self.wrong.shape)
        slight = np.array([self.slight_fails / 2] * 2).reshape(self.wrong.shape)
        anything = self.wrong.any(axis=0)
        cases = (
            ("the step is wrong", "step-wrong", self.wrong & anything, self.fails),
            ("S is wrong", "sum-wrong", self.wrong & [[True], [False]], self.fails),
            (
                "theta is wrong",
                "theta-wrong",
                self.wrong & [[False], [True]],
                self.fails,
            ),
            (
                "theta or S is not a number, or infinite",
                _NOT_FINITE,
                self.wrong & self._not_finite(),
                self.fails,
            ),
            ("theta or S is a few ulp off", _SLIGHT, both, slight),
        )
        for words, slug, cells, weight in cases:
            fails = np.where(cells, weight, 0.0)
            if not fails.any():
                continue
            passes = self.passes * self.sure if slug == _SLIGHT else self.passes
            found = atoms.shortest(fails.ravel(), passes.ravel())
            held = self._held(found.holds)
            kind, place = classes_by_place(found, "formula")
            if slug in _TELLING:
                kind, place = "numerics", next(iter(places_of(found)), "")
            unsaid = _WHAT * float(fails.sum()) * found.covered
            least = _MECHANISM
            if slug == _NOT_FINITE:
                unsaid, least = 0.0, _CLEAR
            yield self._cause(
                Cause(
                    "-".join(filter(None, (slug, found.slug))),
                    " where ".join(filter(None, (words, found.words))),
                    kind,
                    found.gain - least * self.price - unsaid,
                    place,
                    against=round(found.against),
                    root=slug,
                ),
                held & cells,
                partial(self._elsewhere, None, found),
            )

    def _not_finite(self) -> Array:
        """Cells that were finite before the step, and are not after it."""
        c = self.columns
        before = np.isfinite([c.total, c.theta]) & np.isfinite(c.gradient)
        return before & ~np.isfinite([c.new_total, c.new_theta])

    def _held(self, holds: Array | None) -> Array:
        if holds is None:
            return np.ones(self.wrong.shape, bool)
        return holds.reshape(self.wrong.shape)

    def _elsewhere(self, rule: Rule | None, found: Condition) -> set[Complaint]:
        """What a rule under a condition explains among units not looked at."""
        looked = {unit.key for unit in self.units[: self.looked]}
        units = [unit for unit in self.failing if unit.key not in looked]
        other = _Table(self.features, units, {}, units, len(units)) if units else None
        if other is None or not len(other.columns):
            return set()
        c, fits = other.columns, np.ones(other.wrong.shape, bool)
        with np.errstate(all="ignore"):
            if rule is not None:
                fits = _fits(rule, c)
            held = np.ones(len(c), bool)
            for atom in found.atoms:
                if atom.of_units is not None:
                    held &= atom.of_units(units)[other.number]
                elif atom.of_rows is not None:
                    held &= atom.of_rows(c)
        cause = Cause("", "", "", 0.0)
        other.explain(cause, fits & held & other.wrong, rule)
        return cause.explains

    def _cause(
        self,
        cause: Cause,
        cells: Array,
        elsewhere: Callable[[], set[Complaint]],
        rule: Rule | None = None,
    ) -> Cause:
        """The cause, with what it explains."""
        self.explain(cause, cells, rule)
        cause.extend = elsewhere
        return cause

    def _nearer(self, rule: Rule) -> Array:
        """The units to whose numbers a rule is nearer than the document is."""
        with np.errstate(all="ignore"):
            by_rule, by_document = (
                np.nansum(_distance(r, self.columns), axis=0) for r in (rule, _DOCUMENT)
            )
        n = len(self.units)
        ours = np.bincount(self.number, by_rule, minlength=n)
        return ours < _NEARER * np.bincount(self.number, by_document, minlength=n)

    def explain(self, cause: Cause, cells: Array, rule: Rule | None = None) -> None:
        """Enter the complaints all of whose cells are explained."""
        near = None if rule is None or not self.slight.any() else self._nearer(rule)
        n = len(self.units)
        need = [np.bincount(self.number, w, minlength=n) for w in self.wrong]
        have = [np.bincount(self.number, x, minlength=n) for x in cells & self.wrong]
        slight = np.bincount(self.number, cells.any(axis=0), minlength=n) > 0
        for i, unit in enumerate(self.units[: self.looked]):
            tokens = {x[-1] for x in complaints_of(unit)} & {SUM, THETA}
            if self.slight[i]:
                done = tokens if slight[i] or (near is not None and near[i]) else set()
            else:
                solved = [have[k][i] >= _UNIT * need[k][i] for k in range(2)]
                parts = [bool(need[k][i]) and solved[k] for k in range(2)]
                done = set()
                if all(solved) and any(parts):
                    done = tokens  # the rest follows from what is explained
                elif parts[0]:
                    done = {SUM}
                elif parts[1]:
                    done = {THETA}
            cause.explains |= {(*unit.key, t) for t in done}


def _fits(rule: Rule, c: Columns) -> Array:
    """Where a rule predicts what was seen, of S and of theta."""
    return np.array(
        [
            agrees(c, rule.total(c), c.new_total, c.total),
            agrees(c, rule.theta(c), c.new_theta, c.theta),
        ]
    ).reshape(2, len(c))


def _distance(rule: Rule, c: Columns) -> Array:
    """How far what a rule predicts is from what was seen, in ulp at scale."""
    pairs = (
        (rule.total(c), c.new_total, c.total), (rule.theta(c), c.new_theta, c.theta),
    )  # fmt: skip
    ulp = 2.0 ** (1 - c.precision)
    return np.array(
        [
            np.minimum(abs(p - seen) / np.maximum(abs(old), abs(p)) / ulp, 100.0)
            for p, seen, old in pairs
        ]
    ).reshape(2, len(c))


_DOCUMENT = Rule("", "", FaultClass.FORMULA, new_sum, new_theta)


def _wrong_cells(c: Columns, number: Array, failed: Array) -> tuple[Array, Array]:
    """Cells of failing units that the document does not explain, and how many.

    Where a unit has none, its departure is slight, and the slack is made smaller.
    """
    for slack in (SLACK, 2.0, 1.0):
        with np.errstate(all="ignore"):
            wrong = ~_fits(_DOCUMENT, c) & failed[number]
        per_unit = np.bincount(number, wrong.sum(axis=0), minlength=len(failed))
        c.slack[(failed & (per_unit == 0))[number]] = slack / 2 if slack > 1 else 1.0
        if slack == SLACK:
            c.slack[(failed & (per_unit == 0))[number]] = 2.0
    return wrong, per_unit


def _thin(units: Sequence[Unit], most: int) -> list[Unit]:
    """At most so many, evenly."""
    if len(units) <= most:
        return list(units)
    index = np.unique(np.linspace(0, len(units) - 1, most).astype(int))
    return [units[i] for i in index]
