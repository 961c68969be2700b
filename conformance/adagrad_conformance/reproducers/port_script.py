"""A failed scenario as a script that uses the port alone, by its phrasebook.

As all reproducers it ends in an assertion, or by the exception at fault; nothing of
this suite is imported, so it can be sent to the port's maintainers as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import groupby

from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.scenario import (
    AddGroup,
    Event,
    Gradient,
    Group,
    Load,
    New,
    OptionValues,
    Read,
    Save,
    Scenario,
    SetOption,
    SetState,
    Step,
)

from .assertion import Assertion, in_words
from .port_syntax.base import Phrases, Unsaid

__all__ = ["port_reproducer"]


def port_reproducer(
    scenario: Scenario,
    phrases: Phrases,
    due: Assertion | None,
    constants: Mapping[str, float],
) -> str:
    """Source text; the last event of the scenario is the one at fault.

    Raises `Unsaid` where the port has no phrase, `ScenarioError` for an impossible
    scenario.
    """
    lines = list(_Writer(scenario, phrases, due, constants).lines())
    head = [line for line in phrases.head if _is_needed(line, lines)]
    if not any("ml_dtypes" in line for line in lines):
        head = [
            re.sub(r" ml_dtypes,|, ml_dtypes|^import ml_dtypes$", "", x) for x in head
        ]
    return phrases.script(head, lines)


def _is_needed(head: str, lines: list[str]) -> bool:
    """Whether a first line is wanted; makers of tensors are, where they are used."""
    maker = re.match(r"(\w+) = lambda v:", head)
    return not maker or any(re.search(rf"\b{maker[1]}\(", line) for line in lines)


class _Writer:
    def __init__(
        self,
        scenario: Scenario,
        phrases: Phrases,
        due: Assertion | None,
        constants: Mapping[str, float],
    ) -> None:
        self.scenario, self.phrases, self.due = scenario, phrases, due
        self.constants = constants
        self.books = Bookkeeper(scenario)
        self.held: dict[str, Gradient] = dict.fromkeys(scenario.tensors)

    def lines(self) -> Iterator[str]:
        """The script behind its first lines."""
        phrases, due, last = self.phrases, self.due, len(self.scenario.events) - 1
        turns = [who for who, _ in groupby(e.optimizer for e in self.scenario.events)]
        if len(turns) > len(set(turns)):
            raise Unsaid("several optimizers at a time")
        for name, tensor in self.scenario.tensors.items():
            yield from phrases.param(name, phrases.array(tensor))
        for number, event in enumerate(self.scenario.events):
            written = self._event(event)
            if not self.books.apply(event).refusal:
                yield from written
                continue
            asserts = number == last and due is not None and due.what == "refusal"
            why = due.exact if asserts and due is not None else None
            yield from phrases.refused(written, why)
        if due is not None and due.what == "state":
            yield from phrases.has_total(due.param)
        elif due is not None and due.what != "refusal":
            place, words = due.place.replace('"', "'"), in_words(due)
            yield from phrases.end(place, self._seen(due), phrases.holds(due), words)

    def _event(self, event: Event) -> list[str]:
        phrases = self.phrases
        match event:
            case New(groups=(Group(params, own),), options=options) if not own:
                return phrases.new(params, self._options(options))
            case New(groups=groups, options=options):
                listed = [(g.params, self._options(g.options)) for g in groups]
                return phrases.groups(listed, self._options(options))
            case AddGroup(group=Group(params, own)):
                return phrases.add(params, self._options(own))
            case Step(gradients=gradients, loss=None):
                self.held |= gradients
                members = self.books.params(event.optimizer)
                return phrases.step(
                    {name: phrases.gradient(self.held[name]) for name in members}
                )
            case SetState(param=param, state_sum=total, t=t):
                return phrases.state(param, phrases.array(total), t)
            case SetOption(group=0, option=option, value=value):
                return phrases.option(option, repr(value))
            case Save(name=name):
                return phrases.save(name)
            case Load(name=name, via=via):
                return phrases.load(name, via)
            case Read():
                return []
        raise Unsaid(type(event).__name__)

    def _options(self, options: OptionValues) -> dict[str, str]:
        return {
            name: repr(value) if math.isfinite(value) else f'float("{value!r}")'
            for name, value in options.items()
            if name not in self.constants
        }

    def _seen(self, due: Assertion) -> str:
        phrases = self.phrases
        looks = {"theta": phrases.theta, "S": phrases.total, "gradient": phrases.held}
        if due.what == "t":
            return self.phrases.count(due.param)
        whole = due.what == "gradient" and due.box is None  # None, or any at all
        if due.what not in looks or due.values or whole:
            raise Unsaid(due.what)
        return phrases.element(looks[due.what](due.param), due.element)
