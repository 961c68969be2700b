"""A failed scenario as a script that uses the port alone, by the port's syntax.

The script ends in an assertion, or by the exception at fault; it imports nothing of
this suite, so it can be sent to the port's maintainers as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import assert_never

from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.options import OPTION_NAMES
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
    Steps,
    ZeroGrad,
)

from .assertion import Assertion, Look, in_words
from .names import script_names
from .port_syntax.base import NotExpressible, PortSyntax

__all__ = ["port_reproducer"]


def port_reproducer(
    scenario: Scenario,
    syntax: PortSyntax,
    asserted: Assertion | None,
    constants: Mapping[str, float],
) -> str:
    """Source text; the last event of the scenario is the one at fault.

    `constants` are the options that the port has not.  Raises `NotExpressible` where
    the port has no syntax, `ScenarioError` for an impossible scenario.
    """
    names = script_names(scenario, syntax.taken)
    asserted = asserted and names.assertion(asserted)
    writer = _Writer(names.scenario(scenario), syntax, asserted, constants)
    comments = [syntax.language.comment(line) for line in names.replaced()]
    return syntax.script(comments, list(writer.lines()))


class _Writer:
    """The lines of a scenario whose names are those of the script."""

    def __init__(
        self,
        scenario: Scenario,
        syntax: PortSyntax,
        asserted: Assertion | None,
        constants: Mapping[str, float],
    ) -> None:
        self.scenario, self.syntax, self.asserted = scenario, syntax, asserted
        self.constants = constants
        self.books = Bookkeeper(scenario)
        self.held: dict[str, Gradient] = dict.fromkeys(scenario.tensors)

    def lines(self) -> Iterator[str]:
        """The script behind its first lines."""
        syntax, asserted, last = (
            self.syntax,
            self.asserted,
            len(self.scenario.events) - 1,
        )
        turns = [who for who, _ in groupby(e.optimizer for e in self.scenario.events)]
        if len(turns) > len(set(turns)):
            raise NotExpressible("several optimizers at a time")
        for name, tensor in self.scenario.tensors.items():
            yield from syntax.param(name, syntax.array(tensor))
        for number, event in enumerate(self.scenario.events):
            written = self._written(event)
            if not self.books.apply(event).refusal:
                yield from written
                continue
            asserts = (
                number == last
                and asserted is not None
                and asserted.what is Look.REFUSAL
            )
            reason = asserted.exact if asserts and asserted is not None else None
            yield from syntax.refused(written, reason)
        if asserted is not None and asserted.what is Look.STATE:
            yield from syntax.has_total(asserted.param)
        elif asserted is not None and asserted.what is not Look.REFUSAL:
            seen, holds = self._seen(asserted), syntax.holds(asserted)
            yield from syntax.end(asserted.place, seen, holds, in_words(asserted))

    def _written(self, event: Event) -> list[str]:
        """The lines of an event; a syntax looks up options by name."""
        try:
            return self._event(event)
        except KeyError as error:
            raise NotExpressible(f"without or with the option {error}") from None

    def _event(self, event: Event) -> list[str]:
        syntax = self.syntax
        match event:
            case New(groups=(Group(params, own),), options=options) if not own:
                return syntax.new(params, self._options(options))
            case New(groups=groups, options=options):
                listed = [(g.params, self._options(g.options)) for g in groups]
                return syntax.groups(listed, self._options(options))
            case AddGroup(group=Group(params, own)):
                return syntax.add(params, self._options(own))
            case Step(gradients=gradients, loss=None):
                self.held |= gradients
                members = self.books.params(event.optimizer)
                return syntax.step(
                    {name: syntax.gradient(self.held[name]) for name in members}
                )
            case SetState(param=param, state_sum=total, t=t):
                return syntax.state(param, syntax.array(total), t)
            case SetOption(group=0, option=option, value=value):
                self._check(option)
                return syntax.option(option, syntax.scalar(value))
            case Save(name=name):
                return syntax.save(name)
            case Load(name=name, via=via):
                return syntax.load(name, via)
            case Read():
                return []
            case Step() | Steps() | SetOption() | ZeroGrad():
                raise NotExpressible(type(event).__name__)
            case _:
                assert_never(event)

    def _options(self, options: OptionValues) -> dict[str, str]:
        for name in options:
            self._check(name)
        return {
            name: self.syntax.scalar(value)
            for name, value in options.items()
            if name not in self.constants
        }

    def _check(self, option: str) -> None:
        """A name that is no option never becomes the name of an argument."""
        if option not in OPTION_NAMES:
            raise NotExpressible("an option that nothing has")

    def _seen(self, asserted: Assertion) -> str:
        """The expression of one number."""
        syntax, what = self.syntax, asserted.what
        whole = asserted.box is None and what is Look.GRADIENT  # None, or any at all
        if asserted.values or whole:
            raise NotExpressible(what)
        match what:
            case Look.COUNTER:
                return syntax.count(asserted.param)
            case Look.THETA:
                array = syntax.theta(asserted.param)
            case Look.SUM:
                array = syntax.total(asserted.param)
            case Look.GRADIENT:
                array = syntax.held(asserted.param)
            case (
                Look.MASTER | Look.ROWS | Look.STORAGE | Look.STATE | Look.MASTER_STATE
            ):
                raise NotExpressible(what)
            case Look.CALLS | Look.ASKED | Look.LOSS | Look.MEMBERS | Look.REFUSAL:
                raise NotExpressible(what)
            case _:
                assert_never(what)
        return syntax.element(array, asserted.element)
