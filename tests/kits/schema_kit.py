"""Is each rule of a JSON Schema needed?  Values that break one rule, and the proof.

A schema has kinds of value under `$defs`, and a test has valid values of each kind.
From these come broken ones: one thing taken away or spoiled at a time.  A rule is
needed if the schema without that rule lets one of them pass.
"""

from __future__ import annotations

import copy
import functools
import json

from jsonschema import Draft202012Validator

#: Keywords that reject something, and can be taken away.
_REJECTING = ("type", "pattern", "enum", "const", "minimum", "exclusiveMaximum",
              "minItems", "not", "oneOf", "anyOf", "else", "additionalProperties",
              "propertyNames", "items", "$ref")  # fmt: skip


def spoiled(value):
    """Values that are almost right, each wrong in one way."""
    yield from ([], {}, "?", -1, 2**63, 1.5, None)
    if isinstance(value, str):
        yield from (value[1:], "z" * len(value))
    if isinstance(value, list):
        yield from ([*value, {}], [*value, "z"], [*value, -1])
    if isinstance(value, dict):
        yield {**value, "extra": "?"}


def broken(message):
    """The value with one thing taken away, or spoiled, at each of its places."""
    if isinstance(message, dict):
        for key, value in message.items():
            yield {k: v for k, v in message.items() if k != key}
            for worse in (*spoiled(value), *broken(value)):
                yield {**message, key: worse}
    elif isinstance(message, list):
        for i, value in enumerate(message):
            for worse in (*spoiled(value), *broken(value)):
                yield [*message[:i], worse, *message[i + 1 :]]


def rules(node, path=()):
    """Places of the rules below a node: (path, entry of `required` or None)."""
    if isinstance(node, list):
        for i, item in enumerate(node):
            yield from rules(item, (*path, i))
        return
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        named = path and path[-1] in ("properties", "$defs")  # a name, no keyword
        if key == "if" and not named:
            continue
        if not named and key in _REJECTING:
            yield (*path, key), None
        if not named and key == "required":
            yield from (((*path, key), entry) for entry in value)
        if not (not named and key == "not"):
            yield from rules(value, (*path, key))


class SchemaTest:
    """A schema with valid values of each kind, and values that no change makes."""

    def __init__(self, schema, valid, more=None):
        self.schema, self.valid, self.more = schema, valid, more or {}
        #: For each kind the definitions that play a part in it.
        self.parts_of = {kind: self._reached(kind) for kind in valid}

    def validator(self, kind, definitions=None):
        definitions = definitions or self.schema["$defs"]
        return Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": definitions})

    def rules(self):
        """The rules of definitions that a kind uses."""
        used = set().union(*self.parts_of.values())
        found = rules(self.schema["$defs"], ("$defs",))
        return [(place, entry) for place, entry in found if place[1] in used]

    def unused(self):
        """Definitions that play a part in no kind."""
        return set(self.schema["$defs"]) - set().union(*self.parts_of.values())

    def is_needed(self, place, entry):
        """Whether a broken value passes the schema without that rule alone."""
        definitions = self._without(place, entry)["$defs"]
        node = functools.reduce(lambda data, key: data[key], place[:-1], self.schema)
        weaker = {kind: self.validator(kind, definitions) for kind in self.valid}
        return any(
            weaker[kind].is_valid(message)
            for part in dict.fromkeys(self._parts(node))
            for kind, message in self._rejected.get(part, ())
        )

    def candidates(self, kind):
        """Broken values of a kind, perhaps some that are valid all the same."""
        found = [*self.more.get(kind, ())]
        for message in self.valid[kind]:
            found += broken(message)
        return list({json.dumps(message): message for message in found}.values())

    @functools.cached_property
    def _rejected(self):
        """(kind, value) of all that is rejected, by the parts that reject it."""
        found = {}
        for kind in self.valid:
            judge = self.validator(kind)
            for message in self.candidates(kind):
                errors = _every(judge.iter_errors(message))
                for part in {id(error.schema) for error in errors}:
                    found.setdefault(part, []).append((kind, message))
        return found

    def _parts(self, node, seen=frozenset()):
        """The parts of the schema that a rule brings to bear, by their `id`."""
        yield id(node)
        if isinstance(node, dict):
            name = str(node.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in seen:
                yield from self._parts(self.schema["$defs"][name], seen | {name})
            for value in node.values():
                yield from self._parts(value, seen)
        elif isinstance(node, list):
            for value in node:
                yield from self._parts(value, seen)

    def _without(self, place, entry):
        schema = copy.deepcopy(self.schema)
        node = functools.reduce(lambda data, key: data[key], place[:-1], schema)
        if entry is None:
            del node[place[-1]]
        else:
            node[place[-1]].remove(entry)
        return schema

    def _reached(self, name, seen=frozenset()):
        text = json.dumps(self.schema["$defs"][name])
        inner = {n for n in self.schema["$defs"] if f'"#/$defs/{n}"' in text}
        seen = seen | {name}
        for other in inner - seen:
            seen |= self._reached(other, seen)
        return seen


def _every(errors):
    for error in errors:
        yield error
        yield from _every(error.context)


def rule_ids(found):
    """The names of rules for a parametrized test."""
    return ["/".join(map(str, place[1:])) for place, _ in found]
