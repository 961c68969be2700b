"""A failed scenario as a few lines of torch that end in an assertion.

Plain torch, without this suite: the script fails on the port at fault, by the assertion
or by the exception that is the fault, and passes on a right one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from adagrad_conformance.adapters.contract import WrongMembers, WrongWidth
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.verdict import Verdict
from adagrad_reference.scenario import (
    Event,
    Gradient,
    Group,
    Load,
    OptionValues,
    Scenario,
    SetState,
    Step,
    Tensor,
)

from .assertion import Assertion, condition, in_words
from .torch_script import TORCH_PORTS, TorchPort, Writer, options_text, word

__all__ = ["torch_reproducer"]


def torch_reproducer(
    scenario: Scenario,
    port: TorchPort,
    due: Assertion | None,
    verdict: Verdict | None = None,
) -> str:
    """Python source that plays the scenario, whose last event is the one at fault.

    `verdict` is that of the scenario, for one that broke off.  Raises `ScenarioError`
    for an impossible scenario.
    """
    detail = verdict.detail if verdict else None
    if isinstance(detail, WrongWidth):
        scenario = _with_state_of_its_own(scenario)
    writer = _Short(scenario, replace(port, imports=_in_one_line(port)))
    writer.due, writer.detail = due, detail
    writer.malformed = verdict is not None and verdict.status is Status.MALFORMED
    text = writer.write() + "\n"
    for line in writer.port.imports:
        text = text.replace(f"\n{line}\n", f"; {line}\n", 1)
    return text


def _with_state_of_its_own(scenario: Scenario) -> Scenario:
    """With a step where a state is written: its width is then the port's choice."""
    events = (
        Step(e.optimizer, {e.param: scenario.tensors[e.param]})
        if isinstance(e, SetState)
        else e
        for e in scenario.events
    )
    return replace(scenario, events=tuple(events))


def _in_one_line(port: TorchPort) -> tuple[str, ...]:
    """The imports; a user's module is found from the current folder too."""
    lines = port.imports
    installed = port in TORCH_PORTS.values()
    if lines and not installed and not any("sys.path" in line for line in lines):
        lines = ("import sys", "sys.path.append('')", *lines)
    return ("; ".join(lines),) if lines else ()


class _Short(Writer):
    """What belongs together stands in one line; the end is an assertion."""

    due: Assertion | None
    detail: WrongMembers | WrongWidth | None
    malformed: bool  #: an answer was none

    def prints(self) -> Iterator[str]:
        """What is seen where the fault was, and what must be seen there."""
        due = self.due
        if due is None and isinstance(self.detail, WrongWidth):
            who = self.optimizers[self.scenario.events[-1].optimizer]
            mine, key = self.names[self.detail.param], self.port.keys[0]
            yield f'seen = {who}.state[{mine}]["{key}"].dtype'
            yield f'assert seen == {mine}.dtype, f"the accumulator is {{seen}}"'
        if due is None or due.what == "refusal":
            return
        if due.what == "gradient" and due.box is None:
            none = "is" if due.exact == "None" else "is not"
            yield f"seen = {self.names[due.param]}.grad"
            yield f'assert seen {none} None, f"{due.place} = {{seen}}"'
            return
        if due.what == "state":
            state = f"{self.optimizers[due.optimizer]}.state[{self.names[due.param]}]"
            yield f'assert "{self.port.keys[0]}" in {state}, "no accumulator"'
            return
        yield f"seen = {self._look(due)}"
        holds = condition(due)
        words = f"{due.place} = {{seen}}, due {in_words(due)}"
        own = "  # from the port's own state before" if due.own else ""
        yield f'assert {holds}, f"{words}"{own}'

    def _look(self, due: Assertion) -> str:
        who = self.optimizers.get(due.optimizer, "")
        mine = self.names.get(due.param, "")
        tensor = self.scenario.tensors.get(due.param)
        places = {
            "theta": mine,
            "S": self.port.of_sum(f"{who}.state[{mine}]", mine),
            "gradient": f"{mine}.grad",
            "rows": f"{mine}.grad.to_dense()",
        }
        if due.what in places:
            return _elements(places[due.what], tensor, due)
        others = {
            "t": f'int({who}.state[{mine}]["{self.port.keys[1]}"])',
            "storage": f"{mine}_storage.tolist()[{due.element}]",
            "calls": "len(calls)",
            "members": f"sum(len(g['params']) for g in {who}.param_groups)",
            "asked": "calls[0]",
            "loss": "loss if loss is None else float(loss)",
        }
        return others[due.what]

    def event(self, event: Event, last: bool) -> Iterator[str]:
        """One that must be refused and was accepted ends the script."""
        lines = list(self.lines(event))
        effect = self.books.apply(event)
        if not effect.refusal:
            yield from lines
            return
        *before, refused = lines
        yield from before
        yield f"try: {refused}"
        if last and self.due is not None and self.due.what == "refusal":
            yield "except Exception as error: print('refused, as is due:', error)"
            yield f"else: raise SystemExit({f'accepted, though {self.due.exact}'!r})"
        else:
            yield "except Exception as error: print('refused:', error)"

    def step(
        self, who: str, gradients: Mapping[str, Gradient], loss: float | None
    ) -> Iterator[str]:
        """A step; its closure notes its calls where these are in question."""
        given = list(self.gradients(gradients))
        if loss is None:
            one = len(given) == 1
            yield from (
                [f"{given[0]}; {who}.step()"] if one else [*given, f"{who}.step()"]
            )
            return
        notes = self.due is not None and self.due.what in ("calls", "asked")
        if notes and self.due is not None:
            mine = self.names.get(self.due.param, "")
            noted = f"{mine}.flatten().tolist()" if mine else "None"
            given.insert(0, f"calls.append({noted})")
            yield "calls = []"
        if self.malformed:  # a closure without gradients is one way to it
            words = "the closure was called without gradients enabled"
            given.insert(0, f"assert torch.is_grad_enabled(), {words!r}")
        yield "def closure():"
        yield from (f"    {line}" for line in given)
        yield f"    return torch.tensor({loss!r}, dtype=torch.float64)"
        yield f"loss = {who}.step(closure)"

    def save(self, who: str, name: str) -> Iterator[str]:
        """Each kind of save by a line."""
        ways, saved = self.ways.get(name, set()), word(name)
        if "same-object" in ways or not ways:
            yield f"saved_{saved} = {who}.state_dict()"
        if "deepcopy" in ways:
            yield f"copy_{saved} = copy.deepcopy({who}.state_dict())"
        if ways & {"bytes", "new-process"}:
            yield f"torch.save({who}.state_dict(), file_{saved} := io.BytesIO())"

    def load(self, who: str, event: Load) -> Iterator[str]:
        """A load; one elsewhere begins with new params, in one line."""
        saved = word(event.name)
        if event.via == "new-process":
            moved = [line for name in self.names for line in self.moved(name)]
            groups = tuple(
                Group(params, options.changed())
                for params, options in self.books.groups(event.optimizer)
            )
            yield "; ".join([*moved, f"{who} = {self.made(groups, {})}"])
        if event.via in ("bytes", "new-process"):
            source = f"torch.load(file_{saved}, weights_only=True)"
            yield f"file_{saved}.seek(0); {who}.load_state_dict({source})"
            return
        live = f"saved_{saved}"
        copied = f"copy.deepcopy(copy_{saved})"
        source = live if event.via == "same-object" else copied
        yield f"{who}.load_state_dict({source})"

    def made(self, groups: tuple[Group, ...], options: OptionValues) -> str:
        """A single group without options is given as plain params."""
        if len(groups) != 1 or groups[0].options:
            return super().made(groups, options)
        params = ", ".join(self.names[name] for name in groups[0].params)
        given = f"[{params}]{options_text(options)}{self.port.extra}"
        return f"{self.port.constructor}({given})"


def _elements(source: str, tensor: Tensor | None, due: Assertion) -> str:
    if tensor is not None and tensor.complex:
        source = f"torch.view_as_real({source})"
    values = f"{source}.flatten().tolist()"
    return values if due.values else f"{values}[{due.element}]"
