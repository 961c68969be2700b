"""Writes the covering array of the meetings (`make covering`).

    python bench/covering.py [ROWS.json]

A row that is there keeps its number and its values, unless the space excludes it now;
rows for pairs that do not meet yet are appended.  No number is given twice.
covertable makes the rows; the suite itself needs it not.  The number `draw` of a row
chooses the numbers of its scenario: the first that are all ordinary.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from covertable import Controller, sorters

from adagrad_conformance.adapters.claims import PLAIN_CLAIMS
from adagrad_conformance.checks.meetings.coverage import coverage
from adagrad_conformance.checks.meetings.features import meetings
from adagrad_conformance.checks.meetings.rows import ROWS_FILE, Row, columns, read_rows
from adagrad_conformance.checks.meetings.space import (
    DIMENSIONS,
    EXCLUSIONS,
    TRIPLES,
    excluded,
    is_large,
    is_spread,
)
from adagrad_conformance.checks.meetings.writing import scenario_of
from adagrad_conformance.checks.scenarios.ordinary import is_ordinary
from adagrad_reference.formats import FORMATS
from adagrad_reference.scenario import Scenario

__all__ = ["main"]

Values = dict[str, str]
Terms = Mapping[str, tuple[str, ...]]

#: The most values that the pairs of a mended row fix.
_TOGETHER = 8
_TRIES = 2000


def main(arguments: list[str]) -> int:
    """Write the rows, and report how many there are."""
    path = Path(arguments[0]) if arguments else ROWS_FILE
    old = read_rows(path) if path.exists() else []
    last = max((row.number for row in old), default=0)
    rows = [_drawn(row) for row in old if not excluded(row.values)]
    new = mended(rows) if old else needed([*_of_formats(), *_of_large_values()])
    while new:
        rows += [_drawn(Row(last + i, 0, values)) for i, values in enumerate(new, 1)]
        last += len(new)
        new = mended(rows)
    _write(path, rows)
    print(f"{len(rows)} rows; {len(old)} before")
    return 0


def _of_formats() -> Iterator[Values]:
    """An array for each format, without what need meet in one format only.

    In each format a quarter of the pairs of events is allowed, and those with none: all
    of them are covered in one format or another.
    """
    for number, fmt in enumerate(FORMATS):
        factors = {
            d.name: [v for v in d.values if _fits(fmt, d.name, v)]
            for d in DIMENSIONS
            if d.name != "format"
        }
        fields = TRIPLES[number % len(TRIPLES)]
        within = [{"fields": list(fields), "strength": 3}]
        turns = list(_turns(number))
        for made in _array(factors, within, {"format": (fmt,)}, fmt, turns):
            yield {"format": fmt, **made}


def _turns(number: int) -> Iterator[Mapping[str, Any]]:
    """Conditions that allow a quarter of the pairs of events."""
    later = list(_values("later"))
    for i, one in enumerate(_values("earlier")):
        allowed = [
            x
            for j, x in enumerate(later)
            if "plain" in (one, x) or (i + j) % len(FORMATS) == number
        ]
        yield {
            "operator": "or",
            "conditions": [
                {"operator": "ne", "left": "earlier", "value": one},
                {"operator": "in", "left": "later", "values": allowed},
            ],
        }


def _of_large_values() -> Iterator[Values]:
    """Rows in which the large sizes and numbers meet every value, in any format."""
    for name in ("size", "groups", "params"):
        factors = {d.name: list(d.values) for d in DIMENSIONS}
        factors[name] = [v for v in factors[name] if is_large((name, v))]
        rest = [other for other in factors if other != name]
        within = [{"fields": rest, "strength": 1}]
        yield from _array(factors, within, {}, name)


def _fits(fmt: str, name: str, value: str) -> bool:
    if is_large((name, value)):
        return False
    return excluded({"format": fmt, name: value}) is None


def _values(name: str) -> Iterable[str]:
    return next(d.values for d in DIMENSIONS if d.name == name)


def _array(
    factors: Mapping[str, list[str]],
    within: list[Any],
    fixed: Terms,
    salt: str,
    turns: Iterable[Mapping[str, Any]] = (),
) -> Iterator[Values]:
    """Rows that cover every pair."""
    conditions = [_condition(x.terms) for x in EXCLUSIONS if _applies(x.terms, fixed)]
    controller = Controller(
        dict(factors),
        strength=2,
        sorter=sorters.hash,
        salt=salt,
        sub_models=within,
        constraints=[*conditions, *turns],
    )
    yield from controller.make()


def _applies(terms: Terms, fixed: Terms) -> bool:
    return all(fixed[k][0] in terms[k] for k in fixed if k in terms)


def _condition(terms: Terms) -> Mapping[str, Any]:
    """What covertable must keep: not all of the terms."""
    parts = [
        {"operator": "in", "left": name, "values": list(values)}
        for name, values in terms.items()
    ]
    return {
        "operator": "or",
        "conditions": [{"operator": "not", "condition": part} for part in parts],
    }


def mended(rows: list[Row]) -> list[Values]:
    """Rows for the pairs that do not meet yet in the scenarios of these rows.

    Pairs that can stand together share a row, which covertable completes.  Raises
    SystemExit for pairs that no row can hold: the space must exclude them.
    """
    scenarios = [scenario_of(row) for row in rows]
    missing = [*_missing_pairs(scenarios), *_missing_triples(scenarios)]
    starts: list[Values] = []
    for wanted in missing:
        for start in starts:
            both = start | wanted
            agree = all(start.get(k, v) == v for k, v in wanted.items())
            if agree and len(both) < _TOGETHER and not excluded(both):
                start.update(wanted)
                break
        else:
            starts.append(dict(wanted))
    found = [row for start in starts for row in _completed(start)]
    known = {_key(row.values) for row in rows}
    new = [values for values in found if _key(values) not in known]
    if missing and not new:
        raise SystemExit(f"no row can hold {missing}")
    return new


def _missing_pairs(scenarios: list[Scenario]) -> Iterator[Values]:
    for fmt, one, other in coverage(scenarios, PLAIN_CLAIMS, {}).missing:
        yield dict([one, other]) | ({"format": fmt} if fmt else {})


def _missing_triples(scenarios: list[Scenario]) -> Iterator[Values]:
    met = {meeting for scenario in scenarios for meeting in _meetings(scenario)}
    for fmt, fields in zip(FORMATS, TRIPLES, strict=True):
        for three in itertools.combinations(fields, 3):
            for values in itertools.product(*map(_values, three)):
                wanted = {"format": fmt, **dict(zip(three, values, strict=True))}
                large = any(is_large(feature) for feature in wanted.items())
                known = large or excluded(wanted) or (fmt, three, *values) in met
                if not known:
                    yield wanted


def _completed(start: Values) -> Iterator[Values]:
    """A whole row with these values, if there is one."""
    factors = {
        d.name: [start[d.name]]
        if d.name in start
        else [v for v in d.values if not is_large((d.name, v))]
        for d in DIMENSIONS
    }
    conditions = [_condition(exclusion.terms) for exclusion in EXCLUSIONS]
    controller = Controller(
        factors,
        strength=1,
        sorter=sorters.hash,
        salt=str(start),
        constraints=conditions,
    )
    yield from itertools.islice(controller.make_async(), 1)


def needed(made: Iterable[Values]) -> list[Values]:
    """The rows without those whose meetings all come about elsewhere.

    A scenario holds more than its row: other params, and the steps on the way.  The
    most costly rows go first.
    """
    new = {_key(values): values for values in made}
    scenarios = {key: scenario_of(Row(0, 0, values)) for key, values in new.items()}
    met = {key: set(_meetings(s)) for key, s in scenarios.items()}
    left = Counter(pair for pairs in met.values() for pair in pairs)
    for key in sorted(new, key=lambda key: -_cost(scenarios[key])):
        if all(left[pair] > 1 for pair in met[key]):
            left.subtract(met[key])
            del new[key]
    return list(new.values())


def _meetings(scenario: Scenario) -> Iterator[tuple[Any, ...]]:
    """What a scenario serves: pairs with their format, and the triples that matter."""
    for met in meetings(scenario):
        values = defaultdict(list)
        for name, value in sorted(met):
            values[name].append(value)
        (fmt,) = values["format"]
        features = [f for f in sorted(met) if f[0] != "format"]
        for one, other in itertools.combinations(features, 2):
            yield (None if is_spread(one, other) else fmt, one, other)
        fields = TRIPLES[list(FORMATS).index(fmt) % len(TRIPLES)]
        for three in itertools.combinations(fields, 3):
            yield (fmt, three, *(values[name][0] for name in three))


def _cost(scenario: Scenario) -> int:
    return sum(40 + t.size for t in scenario.tensors.values()) * len(scenario.events)


def _key(values: Values) -> tuple[str, ...]:
    return tuple(values[d.name] for d in DIMENSIONS)


def _drawn(row: Row) -> Row:
    """The row with the first draw, from its own on, whose numbers are ordinary."""
    for draw in range(row.draw, row.draw + _TRIES):
        drawn = Row(row.number, draw, row.values)
        if is_ordinary(scenario_of(drawn)):
            return drawn
    raise SystemExit(f"no ordinary numbers for {row}")


def _write(path: Path, rows: list[Row]) -> None:
    lines = [
        json.dumps([row.number, row.draw, *_key(row.values)], separators=(",", ":"))
        for row in rows
    ]
    head = json.dumps(columns())
    body = ",\n".join(lines)
    path.write_text(f'{{"columns": {head},\n"rows": [\n{body}\n]}}\n', "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
