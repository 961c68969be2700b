"""Scripts in torch and how they end: by all that is seen, or by an assertion.

A snippet prints params and states.  A reproducer fails on the port at fault, by its
assertion or by the exception that is the fault, and passes on a right port.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from adagrad_conformance.adapters.contract import WrongWidth
from adagrad_conformance.execution.status import Status
from adagrad_conformance.grading.verdict import Verdict
from adagrad_conformance.reproducers.assertion import (
    Assertion,
    Look,
    condition,
    in_words,
)
from adagrad_conformance.reproducers.literals import (
    python_comment,
    python_literal,
    python_message,
)
from adagrad_reference.scenario import Gradient, Scenario, SetState, Step

from .constructors import TorchConstructor
from .writer import Writer

__all__ = ["torch_reproducer", "torch_snippet"]

_SHOW = (
    "show = lambda state: {k: v.tolist() if torch.is_tensor(v) else v "
    "for k, v in state.items()}"
)


def torch_snippet(scenario: Scenario, port: TorchConstructor | None = None) -> str:
    """Python source that plays the scenario and prints params and states.

    Without a port the optimizer is torch.optim.Adagrad.  An event that must be refused
    is tried; as the last event it stands bare, and its refusal ends the script.  Raises
    `ScenarioError` for an impossible scenario.
    """
    return _Snippet(scenario, port or TorchConstructor()).write()


def torch_reproducer(
    scenario: Scenario,
    port: TorchConstructor,
    asserted: Assertion | None,
    verdict: Verdict | None = None,
) -> str:
    """Python source that plays the scenario, whose last event is the one at fault.

    `verdict` is needed where the check broke off.  Raises `ScenarioError` for an
    impossible scenario.
    """
    if verdict is not None and isinstance(verdict.detail, WrongWidth):
        scenario = _with_state_of_its_own(scenario)
    return _Reproducer(scenario, port, asserted, verdict).write() + "\n"


def _with_state_of_its_own(scenario: Scenario) -> Scenario:
    """With a step where a state is written: its width is then the port's choice."""
    events = (
        Step(e.optimizer, {e.param: scenario.tensors[e.param]})
        if isinstance(e, SetState)
        else e
        for e in scenario.events
    )
    return replace(scenario, events=tuple(events))


class _Snippet(Writer):
    """Ends with every param, its storage and its states, to the last digit."""

    def ending(self) -> Iterator[str]:
        """A print for each param."""
        yield _SHOW
        for name, tensor in self.scenario.tensors.items():
            parts = [f"{name}.tolist()"]
            if tensor.layout is not None:
                parts.append(f"{name}_storage.tolist()")
            parts += [
                f"show({who}.state[{name}])"
                for who in self.books.optimizers
                if name in self.books.params(who)
            ]
            yield f"print({', '.join(parts)})"

    def refused(self, line: str, reason: str, last: bool) -> Iterator[str]:
        """A line that prints its refusal, or the last line of the script."""
        if last:
            yield f"{line}  {python_comment(f'must be refused: {reason}')}"
            return
        yield f"try: {line}; print('accepted')"
        yield "except Exception as error: print('refused:', error)"

    def called(self, who: str) -> str:
        """A step that prints its loss."""
        return f"print({who}.step(closure))"


class _Reproducer(Writer):
    """Ends with an assertion, or by the exception that is the fault."""

    def __init__(
        self,
        scenario: Scenario,
        port: TorchConstructor,
        asserted: Assertion | None,
        verdict: Verdict | None,
    ) -> None:
        super().__init__(scenario, port)
        self.asserted = asserted and self.names.assertion(asserted)
        self.verdict = verdict

    def ending(self) -> Iterator[str]:
        """The value that is seen where the fault was, and the assertion on it."""
        asserted = self.asserted
        if asserted is None:
            yield from self._same_width()
        elif asserted.what is Look.GRADIENT and asserted.box is None:
            none = "is" if asserted.exact == "None" else "is not"
            yield f"seen = {asserted.param}.grad"
            yield f"assert seen {none} None, {python_message(f'{asserted.place} = ')}"
        elif asserted.what is Look.STATE:
            state, key = f"{asserted.optimizer}.state[{asserted.param}]", self._sum_key
            yield f'assert "{key}" in {state}, "no accumulator"'
        elif asserted.what is not Look.REFUSAL:
            yield f"seen = {self._look(asserted)}"
            due = f", due {in_words(asserted)}"
            words = python_message(f"{asserted.place} = ", due)
            own = "  # from the port's own state before" if asserted.own else ""
            yield f"assert {condition(asserted)}, {words}{own}"

    @property
    def _sum_key(self) -> str:
        """The accumulator's key in a state."""
        return self.port.keys[0]

    def _same_width(self) -> Iterator[str]:
        """An accumulator of another width than its param breaks a check off."""
        detail = self.verdict.detail if self.verdict else None
        if isinstance(detail, WrongWidth) and detail.param in self.names.params:
            mine = self.names.params[detail.param]
            who = self.scenario.events[-1].optimizer
            message = python_message("the accumulator is ")
            yield f'seen = {who}.state[{mine}]["{self._sum_key}"].dtype'
            yield f"assert seen == {mine}.dtype, {message}"

    def _look(self, asserted: Assertion) -> str:
        """The expression of what is looked at."""
        who, mine, what = asserted.optimizer, asserted.param, asserted.what
        match what:
            case Look.THETA:
                return self._elements(mine, asserted)
            case Look.SUM:
                found = self.port.accumulator(f"{who}.state[{mine}]", mine)
                return self._elements(found, asserted)
            case Look.GRADIENT:
                return self._elements(f"{mine}.grad", asserted)
            case Look.ROWS:
                return self._elements(f"{mine}.grad.to_dense()", asserted)
            case Look.COUNTER:
                return f'int({who}.state[{mine}]["{self.port.keys[1]}"])'
            case Look.STORAGE:
                return f"{mine}_storage.tolist()[{python_literal(asserted.element)}]"
            case Look.CALLS:
                return "len(calls)"
            case Look.ASKED:
                return "calls[0]"
            case Look.LOSS:
                return "loss if loss is None else float(loss)"
            case Look.MEMBERS:
                return f"sum(len(g['params']) for g in {who}.param_groups)"
            case Look.MASTER | Look.MASTER_STATE | Look.STATE | Look.REFUSAL:
                raise AssertionError(f"no single value of torch is {what}")
            case _:
                assert_never(what)

    def _elements(self, source: str, asserted: Assertion) -> str:
        tensor = self.scenario.tensors.get(asserted.param)
        if tensor is not None and tensor.complex:
            source = f"torch.view_as_real({source})"
        values = f"{source}.flatten().tolist()"
        if asserted.values:
            return values
        return f"{values}[{python_literal(asserted.element)}]"

    def refused(self, line: str, reason: str, last: bool) -> Iterator[str]:
        """A line that is tried; accepted as the last one it ends the script."""
        yield f"try: {line}"
        asserted = self.asserted
        if last and asserted is not None and asserted.what is Look.REFUSAL:
            words = python_literal(f"accepted, though {asserted.exact}")
            yield "except Exception as error: print('refused, as is due:', error)"
            yield f"else: raise SystemExit({words})"
        else:
            yield "except Exception as error: print('refused:', error)"

    def called(self, who: str) -> str:
        """A step that keeps its loss."""
        return f"loss = {who}.step(closure)"

    def closure(self, gradients: Mapping[str, Gradient], loss: float) -> Iterator[str]:
        """A closure that notes its calls, where these are in question."""
        define, *lines = super().closure(gradients, loss)
        asserted, verdict = self.asserted, self.verdict
        if asserted is not None and asserted.what in (Look.CALLS, Look.ASKED):
            mine = asserted.param
            noted = f"{mine}.flatten().tolist()" if mine else "None"
            lines.insert(0, f"    calls.append({noted})")
            yield "calls = []"
        if verdict is not None and verdict.status is Status.MALFORMED:
            # a closure without gradients is one way to a malformed answer
            words = python_literal("the closure was called without gradients enabled")
            lines.insert(0, f"    assert torch.is_grad_enabled(), {words}")
        yield from (define, *lines)
