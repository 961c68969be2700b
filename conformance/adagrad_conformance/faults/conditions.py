"""The shortest condition that tells what fails from what passes.

An atom is something that a row (a unit, or an element of its steps) has or has not, in
words.  A condition is one atom, two, or none.  It pays for its words, and for every
passing row that it holds for; so one that nearly always holds explains nothing, and a
longer one is taken only where it tells more apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .columns import Columns, given
from .units import Unit

__all__ = [
    "ALWAYS",
    "Atom",
    "Atoms",
    "Condition",
    "FeatureTable",
    "atoms_of_rows",
    "atoms_of_units",
]

Array = Any

#: How many single atoms are tried with one another.
_PAIRED = 80
#: What a passing row costs beside a failing one that is explained.
_AGAINST = 1.5
#: An atom must tell apart at least this share of what fails.
_WORTH = 0.02


#: What nearly every step has.
_ORDINARY = "its-gradient-is-dense"


class Atom(NamedTuple):
    """Something that rows have, as a mask; `cost` is the length of its words.

    `of_units` or `of_rows` gives the mask of others.
    """

    slug: str
    words: str
    cost: float
    holds: Array
    of_units: Callable[[Sequence[Unit]], Array] | None = None
    of_rows: Callable[[Columns], Array] | None = None


@dataclass(frozen=True)
class Condition:
    """A conjunction of atoms; `gain` is what it explains without what it costs."""

    atoms: tuple[Atom, ...]
    gain: float
    covered: float  #: the share of the weight of failing rows that it holds for
    against: float  #: the weight of passing rows that it holds for

    @property
    def slug(self) -> str:
        """The lasting name; empty for none."""
        return "-".join(atom.slug for atom in self._told)

    @property
    def words(self) -> str:
        """In words; empty for none."""
        return " and ".join(atom.words for atom in self._told)

    @property
    def _told(self) -> Sequence[Atom]:
        """The atoms that are named: a dense gradient only where it tells something."""
        others = [atom for atom in self.atoms if atom.slug != _ORDINARY]
        tells = any(atom.slug.startswith("a-gradient-of") for atom in others)
        return self.atoms if tells or not others else others

    @property
    def holds(self) -> Array | None:
        """The rows that it holds for; None for all."""
        return (
            np.logical_and.reduce([a.holds for a in self.atoms]) if self.atoms else None
        )


ALWAYS: tuple[Atom, ...] = ()


class Atoms:
    """Atoms, and their masks as one matrix, a row for each; `price` scales costs."""

    def __init__(self, atoms: Iterable[Atom], width: int, price: float = 1.0) -> None:
        self.atoms = list(atoms)
        masks = [atom.holds for atom in self.atoms]
        whole = np.array(masks, bool) if masks else np.zeros((0, width), bool)
        self.matrix = whole.astype(np.float32)
        self.price = price
        self.costs = price * np.array([atom.cost for atom in self.atoms])

    def shortest(self, fails: Array, passes: Array) -> Condition:
        """The best condition; of a row's weights `fails` and `passes` one is 0."""
        weights = np.stack([fails, passes], axis=1).astype(np.float32)
        total, missed = float(fails.sum()), float(passes.sum())
        best = Condition(ALWAYS, total - _AGAINST * missed, 1.0, missed)
        if not total or not self.atoms:
            return best
        single = self.matrix @ weights
        costs = self.costs + _WORTH * total
        gains = single[:, 0] - _AGAINST * single[:, 1] - costs
        order = np.argsort(-gains, kind="stable")
        best = max(
            best, self._condition((order[0],), single[order[0]], total), key=_gain
        )
        if best.against <= 0.02 * total and best.covered >= 0.98:
            return best
        # two that hold for much that fails, each perhaps for much that passes, too
        share = single[:, 0] / total - single[:, 1] / max(missed, 1e-9)
        share[single[:, 0] - costs <= best.gain] = -np.inf
        chosen = np.argsort(-share, kind="stable")[:_PAIRED]
        chosen = chosen[np.isfinite(share[chosen])]
        masks = self.matrix[chosen]
        hits, misses = ((masks * w) @ masks.T for w in weights.T)
        gained = hits - _AGAINST * misses - costs[chosen] - costs[chosen, None]
        np.fill_diagonal(gained, -np.inf)
        if gained.size:
            one, two = np.unravel_index(int(np.argmax(gained)), gained.shape)
            # what tells more by itself is said first
            pair = sorted((chosen[one], chosen[two]), key=lambda i: -gains[i])
            sums = np.array([hits[one, two], misses[one, two]])
            best = max(best, self._condition(tuple(pair), sums, total), key=_gain)
        return best

    def _condition(
        self, chosen: tuple[int, ...], sums: Array, total: float
    ) -> Condition:
        atoms = tuple(self.atoms[i] for i in chosen)
        hit, missed = float(sums[0]), float(sums[1])
        costs = sum(self.price * atom.cost + _WORTH * total for atom in atoms)
        gain = hit - _AGAINST * missed - costs
        return Condition(atoms, gain, hit / total, missed)


def _gain(condition: Condition) -> float:
    return condition.gain


# -- atoms of units --------------------------------------------------------------------

#: Features with few values: feature -> value -> words.
_WORDED: Mapping[str, Mapping[Any, str]] = {
    "gradient None": {True: "its gradient is None"},
    "gradient zero": {True: "its gradient is zero"},
    "gradient sparse": {True: "its gradient is sparse"},
    "gradient dense": {True: "its gradient is dense"},
    "gradient empty": {True: "a sparse gradient has no row"},
    "gradient repeated": {True: "rows of its gradient are repeated"},
    "event": {
        "Load": "a state is loaded",
        "Save": "the state is saved",
        "Read": "the state is read",
        "AddGroup": "a group is added",
        "SetOption": "an option is changed",
        "ZeroGrad": "zero_grad is called",
        "SetState": "a state is written",
        "New": "the optimizer is made",
        "Step": "a step is taken",
        "Steps": "many steps are taken",
    },
    "format": {
        name: f"the param is {name}"
        for name in ("binary64", "binary32", "bfloat16", "binary16")
    },
    "complex": {True: "the param is complex"},
    "strides": {True: "the param or its gradient has strides of its own"},
    "strided": {True: "the param has strides of its own"},
    "strided gradient": {True: "the gradient has strides of its own"},
    "own options": {True: "the group has options of its own"},
    "added": {True: "the group was added later"},
    "same shape": {True: "another param has the same shape"},
    "rested before": {True: "an earlier gradient was None"},
    "stepped before": {
        True: "the param has stepped before",
        False: "it is the param's first step",
    },
    "written": {True: "the state was written"},
    "same gradient": {True: "the gradient is that of the last step"},
    "options changed": {True: "an option was changed"},
    "closure": {True: "a closure is given"},
    "zero_grad": {True: "zero_grad was called before"},
    "formats": {True: "params have several formats"},
    "some of 0 dimensions": {True: "a param has no dimension"},
    "some of 1 dimensions": {True: "a param has one dimension"},
    "some of 2 dimensions": {True: "a param has two dimensions"},
    "some binary64": {True: "a param is binary64"},
    "some binary32": {True: "a param is binary32"},
    "some bfloat16": {True: "a param is bfloat16"},
    "some binary16": {True: "a param is binary16"},
    "some empty": {True: "a param has no elements"},
    "some strided": {True: "a param has strides"},
    "some complex": {True: "a param is of complex numbers"},
    "some gradient None": {True: "a gradient of the step is None"},
    "some gradient sparse": {True: "a gradient of the step is sparse"},
    "first param": {
        True: "it is the first param of its group",
        False: "it is not the first param of its group",
    },
    "first step": {True: "it is the first step", False: "a step was taken before"},
    "own event": {False: "another optimizer takes the step"},
    "via": {
        "bytes": "the state was loaded from bytes",
        "deepcopy": "the state was loaded from a deep copy",
        "same-object": "the state was loaded from the same object",
        "new-process": "the state was loaded in a new process",
    },
}
for _option in (
    "lr",
    "eps",
    "lr_decay",
    "weight_decay",
    "initial_accumulator_value",
    "maximize",
):
    _WORDED = {
        **_WORDED,
        f"own {_option}": {True: f"the group has its own {_option}"},
        f"changed {_option}": {True: f"{_option} was changed"},
        f"{_option} given": {
            False: f"{_option} is left to its default",
            True: f"{_option} is given",
        },
    }

#: Features that are numbers: words for "from this value on" and "exactly this value".
_COUNTED = {
    "group": "group",
    "groups": "number of groups",
    "params": "number of params",
    "dimensions": "number of dimensions",
    "size": "number of elements",
    "loads": "number of loads before",
    "optimizers": "number of optimizers",
    "long": "number of steps in the event",
}


class FeatureTable:
    """The features of all units as arrays; `row` of a unit is its place there."""

    def __init__(self, units: Iterable[Unit]) -> None:
        listed = list(units)
        for row, unit in enumerate(listed):
            unit.row = row
        words = {(name, str(v)) for name, of in _WORDED.items() for v in of}
        self.holds = {pair: np.zeros(len(listed), bool) for pair in sorted(words)}
        self.numbers = {name: np.full(len(listed), -1.0) for name in _COUNTED}
        for row, unit in enumerate(listed):
            for name, value in unit.features.items():
                if name in self.numbers:
                    self.numbers[name][row] = value
                elif (pair := (name, str(value))) in words:
                    self.holds[pair][row] = True


def atoms_of_units(
    table: FeatureTable, units: Sequence[Unit], fails: Array
) -> Iterator[Atom]:
    """What units have, of their features; `fails` are weights of them."""
    rows = np.array([unit.row for unit in units], int)
    known = {unit.piece for unit, weight in zip(units, fails, strict=True) if weight}
    for name, of in _WORDED.items():
        for value, words in of.items():
            whole = table.holds[name, str(value)]
            holds = whole[rows]
            if holds.any() and not holds.all():
                slug = words.replace(" ", "-").lower()
                cost = 0.75 if "default" in words else 0.6
                if words.startswith(
                    ("a param", "a gradient")
                ):  # not this one, but some
                    cost = 0.8
                test = given(_of_units, whole)
                yield Atom(slug, words, cost, holds, of_units=test)
    # one check may have any number by chance
    for name, words in _COUNTED.items() if len(known) > 1 else ():
        whole = table.numbers[name]
        for atom, within in _of_numbers(name, words, whole[rows], fails, 0.8, True):
            yield atom._replace(of_units=given(_of_units, whole, within))


def _of_units(units: Sequence[Unit], whole: Array, within: Any = None) -> Array:
    """The values of units, or whether they are `within`."""
    chosen = whole[np.array([unit.row for unit in units], int)]
    return chosen if within is None else within(chosen)


_Within = Callable[[Array], Array]


def _of_numbers(
    slug: str, words: str, numbers: Array, fails: Array, cost: float, exact: bool
) -> Iterator[tuple[Atom, _Within]]:
    """Thresholds of a number, and if `exact` single values, each with its test."""
    slug = slug.replace(" ", "-")
    known = numbers[fails > 0]
    if not len(known) or np.ptp(numbers) == 0:
        return
    least, most = float(known.min()), float(known.max())
    values, counts = np.unique(known, return_counts=True)
    found: list[tuple[str, str, float, _Within]] = [
        (f"from-{least:g}", f"is {least:g} or more", cost, lambda x: x >= least),
        (f"to-{most:g}", f"is {most:g} or less", cost, lambda x: x <= most),
    ]
    for value in values[np.argsort(-counts, kind="stable")][: 3 if exact else 0]:
        found.append(
            (f"{value:g}", f"is {value:g}", cost, given(lambda x, v: x == v, value))
        )
    for low in np.unique(np.quantile(known, [0.02, 0.1, 0.25, 0.5], method="lower")):
        if low != least:
            words_of = f"from-{low:g}", f"is {low:g} or more"
            found.append((*words_of, cost + 0.1, given(lambda x, v: x >= v, low)))
    for end, told, paid, within in found:
        holds = within(numbers)
        if not holds.all():
            yield Atom(f"{slug}-{end}", f"{words} {told}", paid, holds), within


# -- atoms of rows ---------------------------------------------------------------------

_BLOCKS = (4, 8, 16, 32, 64, 128, 256, 512, 1024)


def atoms_of_rows(c: Columns, fails: Array) -> Iterator[Atom]:
    """What elements of steps have."""
    for slug, words, cost, test in _row_tests(c):
        holds = test(c)
        if holds.any() and not holds.all():
            yield Atom(slug, words, cost, holds, of_rows=test)
    for slug, words, cost, number in _ROW_NUMBERS:
        for atom, within in _of_numbers(
            slug, words, number(c), fails, cost, slug == "t"
        ):
            yield atom._replace(
                of_rows=given(
                    lambda other, number, within: within(number(other)), number, within
                )
            )


_Test = tuple[str, str, float, Callable[[Columns], Array]]


def _row_tests(c: Columns) -> Iterator[_Test]:
    """(slug, words, cost, test)."""
    for block in _BLOCKS:
        if (c.size >= block).any():
            yield (
                f"tail-past-{block}",
                f"it lies past the last full block of {block}",
                0.8,
                given(lambda c, b: (c.size >= b) & (c.place >= c.size // b * b), block),
            )
            yield (
                f"past-{block}",
                f"its position is {block} or more",
                0.9,
                given(lambda c, b: c.place >= b, block),
            )
    yield from _ROW_TESTS


def _binary_exponent(values: Array) -> Array:
    size = np.abs(values)
    with np.errstate(all="ignore"):
        return np.where(size > 0, np.floor(np.log2(size)), -2000.0)


_ROW_TESTS: Sequence[_Test] = (
    ("first-element", "it is the first element", 0.8, lambda c: c.place == 0),
    ("not-first-element", "it is not the first element", 0.8, lambda c: c.place > 0),
    ("last-element", "it is the last element", 0.8, lambda c: c.place == c.size - 1),
    ("weight-decay-on", "weight_decay is on", 0.6, lambda c: c.weight_decay != 0),
    ("weight-decay-off", "weight_decay is 0", 0.8, lambda c: c.weight_decay == 0),
    ("lr-decay-on", "lr_decay is on", 0.6, lambda c: c.lr_decay != 0),
    ("maximize-on", "maximize is on", 0.6, lambda c: c.sign < 0),
    (
        "lr-decay-acts",
        "lr_decay acts",
        0.6,
        lambda c: (c.lr_decay != 0) & (c.t > 1),
    ),
    (
        "accumulator-starts-above-0",
        "initial_accumulator_value is not 0",
        0.7,
        lambda c: c.tau != 0,
    ),
    ("first-step", "it is the param's first step", 0.6, lambda c: c.t == 1),
    ("later-step", "it is not the param's first step", 0.6, lambda c: c.t > 1),
    ("gradient-negative", "the gradient is negative", 0.8, lambda c: c.gradient < 0),
    ("gradient-positive", "the gradient is positive", 0.8, lambda c: c.gradient > 0),
    ("gradient-0", "the gradient is 0", 0.7, lambda c: c.gradient == 0),
    (
        "gradient-not-finite",
        "the gradient is not finite",
        0.7,
        lambda c: ~np.isfinite(c.gradient),
    ),
    ("theta-negative", "theta is negative", 0.8, lambda c: c.theta < 0),
    ("theta-positive", "theta is positive", 0.8, lambda c: c.theta > 0),
    ("theta-0", "theta is 0", 0.7, lambda c: c.theta == 0),
    ("sum-0", "S is 0 before the step", 0.7, lambda c: c.total == 0),
    ("sum-positive", "S is not 0 before the step", 0.7, lambda c: c.total > 0),
)

_ROW_NUMBERS: Sequence[tuple[str, str, float, Callable[[Columns], Array]]] = (
    ("t", "t", 0.7, lambda c: c.t),
    ("lr", "lr", 0.9, lambda c: c.lr),
    ("eps", "eps", 0.9, lambda c: c.eps),
    ("weight-decay", "weight_decay", 0.9, lambda c: c.weight_decay),
    ("lr-decay", "lr_decay", 0.9, lambda c: c.lr_decay),
    (
        "gradient-exponent",
        "the binary exponent of the gradient",
        1.0,
        lambda c: _binary_exponent(c.gradient),
    ),
    (
        "S-exponent",
        "the binary exponent of S",
        1.0,
        lambda c: _binary_exponent(c.total),
    ),
    (
        "theta-exponent",
        "the binary exponent of theta",
        1.0,
        lambda c: _binary_exponent(c.theta),
    ),
)
