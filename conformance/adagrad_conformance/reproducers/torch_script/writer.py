"""The lines of torch that play a scenario; `endings.py` writes what follows them.

Rule 1.  Decimals are the shortest that give the very bits back, so that theta and S
         come out bit for bit as in a run; only the payload of a NaN is lost.
Rule 2.  Another process is played in this one: new params, a new optimizer, bytes.
Rule 3.  All names are those of `names.py`; all values are literals.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import assert_never

from adagrad_conformance.reproducers.literals import (
    python_arguments,
    python_comment,
    python_literal,
)
from adagrad_conformance.reproducers.names import script_names
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

from .constructors import SCRIPT_WORDS, TorchConstructor
from .limits import as_tables, without_options
from .tensors import MAKERS, gradient_text, storage_text, tensor_text, view_text

__all__ = ["Writer"]


class Writer(ABC):
    """Writes one scenario as torch; a subclass decides how the script ends."""

    def __init__(self, scenario: Scenario, port: TorchConstructor) -> None:
        scenario = without_options(scenario, port.constants)
        scenario = as_tables(scenario) if port.tables else scenario
        self.port = port
        taken = SCRIPT_WORDS | {port.callable.split(".")[0]}
        self.names = script_names(scenario, taken)
        self.scenario = self.names.scenario(scenario)
        self.books = Bookkeeper(self.scenario)
        self.ways: dict[str, set[str]] = {}
        for event in self.scenario.events:
            if isinstance(event, Load):
                self.ways.setdefault(event.name, set()).add(event.via)

    def write(self) -> str:
        """The whole script; makers and imports are those that it turns out to need."""
        body = [line for name in self.scenario.tensors for line in self._param(name)]
        last = len(self.scenario.events) - 1
        for number, event in enumerate(self.scenario.events):
            body += self.event(event, number == last)
        body += self.ending()
        text = "\n".join(body)
        words = set(re.findall(r"(?<![\w.])[a-z]\w*", text))
        modules = [name for name in ("copy", "io", "torch") if name in words]
        head = ["; ".join([f"import {', '.join(modules)}", *self.port.imports])]
        if special := [name for name in ("inf", "nan") if name in words]:
            head.append(f"from math import {', '.join(special)}")
        for maker, dtype in MAKERS.values():
            if maker in words:
                head.append(f"{maker} = lambda v: torch.tensor(v, dtype=torch.{dtype})")
        renamed = map(python_comment, self.names.replaced())
        return "\n".join([*head, *renamed, text])

    @abstractmethod
    def ending(self) -> Iterator[str]:
        """The lines behind the last event."""

    @abstractmethod
    def refused(self, line: str, reason: str, last: bool) -> Iterator[str]:
        """The line of an event that must be refused for a reason."""

    @abstractmethod
    def called(self, who: str) -> str:
        """The line of a step with a closure, which is called `closure`."""

    # -- params ----------------------------------------------------------------------

    def _param(self, name: str) -> Iterator[str]:
        tensor = self.scenario.tensors[name]
        if tensor.layout is None:
            yield f"{name} = {self._made_param(tensor_text(tensor))}"
            return
        view = view_text(tensor, tensor.layout)
        yield f"{name}_storage = {storage_text(tensor, tensor.layout)}"
        yield f"{name} = {self._made_param(f'{name}_storage{view}')}"

    def _moved(self, name: str) -> Iterator[str]:
        """The param anew, with what it holds."""
        tensor = self.scenario.tensors[name]
        if tensor.layout is None:
            yield f"{name} = {self._made_param(f'{name}.detach().clone()')}"
            return
        view = view_text(tensor, tensor.layout)
        yield f"{name}_storage = {name}_storage.clone()"
        yield f"{name} = {self._made_param(f'{name}_storage{view}')}"

    def _made_param(self, data: str) -> str:
        """A param whose step is differentiated must be no leaf."""
        plain = self.port.fixed.get("differentiable", False)
        return data if plain else f"torch.nn.Parameter({data})"

    # -- events ----------------------------------------------------------------------

    def event(self, event: Event, last: bool) -> Iterator[str]:
        """The lines of an event, whether it must be accepted or refused."""
        lines = list(self._lines(event))
        effect = self.books.apply(event)
        if not effect.refusal:
            yield from lines
            return
        yield from lines[:-1]
        yield from self.refused(lines[-1], effect.refusal, last)

    def _lines(self, event: Event) -> Iterator[str]:
        who = event.optimizer
        match event:
            case New(groups=groups, options=options):
                yield f"{who} = {self._made(groups, options)}"
            case Step():
                yield from self._step(event)
            case Steps():
                yield from self._steps(event)
            case SetOption(group=group, option=option, value=value):
                place = f"[{python_literal(group)}][{python_literal(option)}]"
                yield f"{who}.param_groups{place} = {python_literal(value)}"
            case AddGroup(group=added):
                yield f"{who}.add_param_group({_group(added)})"
            case ZeroGrad(set_to_none=to_none):
                yield f"{who}.zero_grad(set_to_none={python_literal(to_none)})"
            case Read():
                yield f"{who}.state_dict()"
            case Save():
                yield from self._save(event)
            case Load():
                yield from self._load(event)
            case SetState(param=param, state_sum=total, t=t):
                state = self.port.written(tensor_text(total), t)
                yield f"{who}.state[{param}].update({state})"
            case _:
                assert_never(event)

    def _step(self, event: Step) -> Iterator[str]:
        if event.loss is not None:
            yield from self.closure(event.gradients, event.loss)
            yield self.called(event.optimizer)
            return
        given, step = (
            list(self._gradients(event.gradients)),
            f"{event.optimizer}.step()",
        )
        yield from [f"{given[0]}; {step}"] if len(given) == 1 else [*given, step]

    def closure(self, gradients: Mapping[str, Gradient], loss: float) -> Iterator[str]:
        """The definition of a closure that gives gradients and returns a loss."""
        yield "def closure():"
        yield from (f"    {line}" for line in self._gradients(gradients))
        yield f"    return torch.tensor({python_literal(loss)}, dtype=torch.float64)"

    def _steps(self, event: Steps) -> Iterator[str]:
        length, count = len(event.cycle), python_literal(event.count)
        if length == 1:
            yield from self._gradients(event.cycle[0])
            yield f"for i in range({count}): {event.optimizer}.step()"
            return
        yield f"for i in range({count}):"
        for number, gradients in enumerate(event.cycle):
            if gradients:
                yield f"    if i % {length} == {number}:"
                yield from (f"        {line}" for line in self._gradients(gradients))
        yield f"    {event.optimizer}.step()"

    def _gradients(self, gradients: Mapping[str, Gradient]) -> Iterator[str]:
        for name, gradient in gradients.items():
            yield f"{name}.grad = {gradient_text(gradient)}"

    def _save(self, event: Save) -> Iterator[str]:
        """What later loads need of it: the dict itself, a copy, bytes."""
        ways, state = (
            self.ways.get(event.name, set()),
            f"{event.optimizer}.state_dict()",
        )
        if "same-object" in ways or not ways:
            yield f"saved_{event.name} = {state}"
        if "deepcopy" in ways:
            yield f"copy_{event.name} = copy.deepcopy({state})"
        if ways & {"bytes", "new-process"}:
            yield f"torch.save({state}, file_{event.name} := io.BytesIO())"

    def _load(self, event: Load) -> Iterator[str]:
        who, name = event.optimizer, event.name
        if event.via == "new-process":
            moved = [
                line for param in self.scenario.tensors for line in self._moved(param)
            ]
            groups = tuple(
                Group(params, options.changed())
                for params, options in self.books.groups(who)
            )
            yield "; ".join([*moved, f"{who} = {self._made(groups, {})}"])
        match event.via:
            case "same-object":
                yield f"{who}.load_state_dict(saved_{name})"
            case "deepcopy":
                yield f"{who}.load_state_dict(copy.deepcopy(copy_{name}))"
            case "bytes" | "new-process":
                source = f"torch.load(file_{name}, weights_only=True)"
                yield f"file_{name}.seek(0); {who}.load_state_dict({source})"
            case _:
                assert_never(event.via)

    def _made(self, groups: tuple[Group, ...], options: OptionValues) -> str:
        """The optimizer; a single group without options is given as plain params."""
        listed = ", ".join(map(_group, groups))
        if len(groups) == 1 and not groups[0].options:
            listed = ", ".join(groups[0].params)
        chosen = python_arguments({**options}, OPTION_NAMES)
        fixed = python_arguments(self.port.fixed, tuple(self.port.fixed))
        return f"{self.port.callable}([{listed}]{chosen}{fixed})"


def _group(group: Group) -> str:
    options = python_arguments(group.options, OPTION_NAMES)
    return f"dict(params=[{', '.join(group.params)}]{options})"
