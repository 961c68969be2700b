"""Mechanisms: one sort of complaint, under the shortest condition."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from adagrad_conformance.grading.failure import Failure, FailureKind, Number
from adagrad_conformance.requirements.table import REQUIREMENTS

from .causes import Cause, classes_by_place, places_of
from .complaints import SUM, THETA, Complaint, complaints_of, failure_of
from .conditions import Atoms, Condition, FeatureTable, atoms_of_units
from .units import Unit

__all__ = ["mechanism_causes"]

_COST = 0.4
#: What a sort of complaint counts where no condition tells it from what passes.
_ALONE = 0.5
#: The share that is not counted of what is explained by a place alone.
_WHAT = 0.2
#: The least share of its sort that a mechanism explains.
_COVERS = 0.5
#: The share of complaints that gives a fault its class.
_MOSTLY = 0.6
#: So many units without the complaint are evidence against a condition.
_OTHERS = 3000

_Signature = tuple[str, ...]


def mechanism_causes(
    table: FeatureTable,
    failing: Sequence[Unit],
    passing: Sequence[Unit],
    weights: Mapping[Complaint, float],
    price: float = 1.0,
) -> Iterator[Cause]:
    """A cause for each sort of complaint but the numbers of shown steps.

    Words cost `price`.
    """
    groups: dict[_Signature, list[tuple[Unit, Complaint]]] = defaultdict(list)
    for unit in failing:
        for complaint in complaints_of(unit):
            if unit.steps is None or complaint[-1] not in (SUM, THETA):
                groups[_signature(unit, complaint)].append((unit, complaint))
    for signature, members in groups.items():
        yield _of_group(table, signature, members, passing, weights, price)
    everything = [
        (unit, complaint)
        for unit in failing
        if unit.param is not None
        for complaint in complaints_of(unit)
    ]
    if len({complaint[-1] for _, complaint in everything}) > 1:
        whole = _of_group(table, (_ANY,), everything, passing, weights, price)
        if whole.is_placed:  # that a gradient is dense, say, tells nothing of a place
            yield whole


def _of_group(
    table: FeatureTable,
    signature: _Signature,
    members: Sequence[tuple[Unit, Complaint]],
    passing: Sequence[Unit],
    weights: Mapping[Complaint, float],
    price: float,
) -> Cause:
    units = [unit for unit, _ in members]
    others: list[Unit] = []
    telling = signature[0] in _TELLING
    telling |= all(unit.sort == "check" for unit in units)
    if not telling:
        of_param = units[0].param is not None and units[0].sort != "break"
        others = [u for u in passing if (u.param is not None) == of_param]
        others = others[:: max(1, len(others) // _OTHERS)]
    chosen = [*units, *others]
    mine = [weights.get(complaint, 0.0) for _, complaint in members]
    fails = np.array([*mine, *[0.0] * len(others)])
    shares = Counter(unit.piece for unit in others)
    passes = np.array([*[0.0] * len(units), *(1 / shares[u.piece] for u in others)])
    atoms = Atoms(atoms_of_units(table, chosen, fails), len(chosen), price)
    found = atoms.shortest(fails, passes)
    alone = Condition((), _ALONE * float(fails.sum()), 1.0, 0.0)
    if not telling and (found.covered < _COVERS or found.gain <= _COVERS * alone.gain):
        found = alone
    words, slug, kind = _told(signature, members)
    unsaid, place = 0.0, next(iter(places_of(found)), "")
    if signature[0] in _OPEN and _ROUNDED not in signature:
        kind, place = classes_by_place(found, kind)
    if signature[0] in (THETA, SUM, _ANY):  # it says where, and not what
        unsaid = _WHAT * float(fails.sum()) * found.covered
    return Cause(
        "-".join(filter(None, (slug, found.slug))),
        " where ".join(filter(None, (words, found.words))),
        kind,
        found.gain - _COST * price - unsaid,
        place or _place_of_events(members) or _class_of_requirement(members),
        {
            complaint
            for i, (_, complaint) in enumerate(members)
            if found.holds is None or found.holds[i]
        },
        against=int(found.against),
        root=slug,
        is_placed=bool(places_of(found)),
    )


def _signature(unit: Unit, complaint: Complaint) -> _Signature:
    """What makes complaints of one sort."""
    kind = str(complaint[-1])
    failure = failure_of(unit, complaint)
    if unit.sort == "break":
        return ("broke-off", *filter(None, unit.features["ending"]))
    if failure.kind is FailureKind.REFUSED:
        said = str(failure.observed).partition(":")[0]
        return (kind, said if said.isidentifier() else "")
    said = str(failure.observed)
    if unit.sort == "check" and said.startswith(_REFUSED):
        named = said.removeprefix(_REFUSED).partition(":")[0]
        return (str(FailureKind.REFUSED), named if named.isidentifier() else "")
    if unit.sort == "check":
        return ("check", str(unit.features.get("requirement", "")))
    return (kind, _ROUNDED) if _is_rounded(failure) else (kind,)


#: The sort of numbers that should stay as they are, and are off by a rounding.
_ROUNDED = "rounded"
#: The most that a rounding to a narrower format changes of a number.
_ROUNDING = 2.0**-8


def _is_rounded(failure: Failure) -> bool:
    """Whether a number that must be exact is off by a rounding."""
    pair = failure.observed, failure.due
    if failure.kind not in _EXACT or not all(isinstance(x, Number) for x in pair):
        return False
    seen, due = (x.value for x in pair if isinstance(x, Number))
    return 0 < abs(seen - due) <= _ROUNDING * abs(due)


_EXACT = {FailureKind.INITIAL_SUM, FailureKind.SUM_CHANGED, FailureKind.THETA_CHANGED}


#: What a check outside scenarios says of a refusal.
_REFUSED = "refused what is legal: "

#: Sorts that say by themselves where they occur: only what must be refused can be
#: accepted, and only a closure has a loss.
_TELLING = {"accepted-though-illegal", "loss", "closure-calls", "native", "law"}

#: Complaints of every sort.
_ANY = "departs"

#: Sorts whose class is that of their condition, if that tells one.
_OPEN = {
    *(THETA, SUM, "theta-changed", "accumulator-changed", "state-missing"),
    *("initial-accumulator", "broke-off"),
}

#: The kind of complaint: its words, and the class of fault.
_TOLD: Mapping[str, tuple[str, str]] = {
    _ANY: ("it departs", "formula"),
    THETA: ("theta is wrong", "formula"),
    SUM: ("S is wrong", "formula"),
    "counter": ("the step counter is wrong", "rate"),
    "state-missing": ("no state is shown", "state"),
    "initial-accumulator": ("S does not start at its initial value", "formula"),
    "accumulator-changed": ("S changes that must stay", "state"),
    "theta-changed": ("theta changes that must stay", "gradients"),
    "master-changed": ("the master changes that must stay", "state"),
    "gradient-changed": ("the gradient is changed", "gradients"),
    "gradient-missing": ("the gradient is gone", "gradients"),
    "gradient-appeared": ("a gradient appears", "gradients"),
    "sparse-gradient-changed": ("a sparse gradient is changed", "sparse"),
    "storage-written": ("memory outside the param is written", "layout"),
    "accepted-though-illegal": ("what must be refused is accepted", "interface"),
    "refused-though-legal": ("what is legal is refused", "interface"),
    "closure-calls": ("the closure is not called once", "gradients"),
    "param-at-closure-call": (
        "theta moves before the closure is called", "gradients",
    ),
    "loss": ("the closure's loss is not returned", "gradients"),
    "master-missing": ("the master is missing", "state"),
}  # fmt: skip


def _place_of_events(members: Sequence[tuple[Unit, Complaint]]) -> str:
    """State, where most counters are wrong at other events than steps; or empty."""
    wrong = [unit for unit, complaint in members if complaint[-1] == "counter"]
    steps = sum(unit.features.get("event") in _STEPS for unit in wrong)
    return "state" if steps < len(wrong) / 2 else ""


_STEPS = {"Step", "Steps"}
#: Requirements of checks in which everything meets: they say nothing of a class.
_MIXED = ("numerics/meetings", "numerics/fresh")


def _class_of_requirement(members: Sequence[tuple[Unit, Complaint]]) -> str:
    """The class of the requirements that most complaints are about; or empty."""
    counts: Counter[str] = Counter()
    for unit, _ in members:
        name = str(unit.features.get("requirement", ""))
        known = REQUIREMENTS.get(name)
        if known and name not in _MIXED:
            counts[str(known.classification.fault_class)] += 1
    for kind, count in counts.most_common(1):
        if count > _MOSTLY * len(members):
            return kind
    return ""


def _told(
    signature: _Signature, members: Sequence[tuple[Unit, Complaint]]
) -> tuple[str, str, str]:
    """(words, slug, class) of a sort of complaint."""
    kind = signature[0]
    about = _class_of_requirement(members) or "interface"
    if kind == "broke-off":
        said = Counter(str(failure_of(*m).observed) for m in members).most_common(1)
        slug = "-".join(re.sub(r"[^a-z0-9.]+", "-", s.lower()) for s in signature[1:])
        return f"it ends in {said[0][0]}", f"ends-in-{slug}", about
    if kind == "check":
        name = signature[1]
        known = REQUIREMENTS.get(name)
        sort = known.classification.fault_class if known else "interface"
        return f"{name} is not kept", name.replace("/", "-"), str(sort)
    words, sort = _TOLD.get(kind, (kind.replace("-", " "), "interface"))
    if kind == _ANY:
        other = Counter(str(c[-1]) for _, c in members if c[-1] not in (THETA, SUM))
        sort = _TOLD.get(max(other, key=lambda k: other[k], default=""), ("", sort))[1]
    if signature[-1] == _ROUNDED:
        return f"{words}, by a rounding", f"{kind}-{_ROUNDED}", "numerics"
    if kind == "refused-though-legal":
        words = ": ".join(filter(None, (words, signature[1])))
        sort = about
    return words, "-".join(filter(None, signature)), sort
