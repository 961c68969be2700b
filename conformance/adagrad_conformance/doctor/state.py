"""Visits about closures, many steps, and state that is written, saved and loaded."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from adagrad_conformance.adapters.contract import ClosureAnswer
from adagrad_conformance.transport import messages
from adagrad_conformance.transport.response_validation import check_traces
from adagrad_reference.scenario import (
    Event,
    Gradient,
    Load,
    LoadWay,
    Read,
    Save,
    SetState,
    Step,
    Steps,
)

from .advice import Doubt, Wrong
from .conversation import Doctor
from .fixtures import (
    Readings,
    check_same,
    gradient_of,
    make_ready,
    new_over,
    step_with,
    tensor_of,
    widest,
)

__all__ = ["closure_step", "load_via", "many_steps", "save_it", "state_write"]


def state_write(doctor: Doctor) -> None:
    """State that is written is shown."""
    make_ready(doctor, "p")
    step_with(doctor, "p")
    total = tensor_of(widest(doctor), [0.5, 0.25, 2.0])

    def written(readings: Readings) -> None:
        shown = readings["p"]
        if shown.state_sum is not None and shown.master is None:
            check_same("p", "sum", shown.state_sum, total)
        if shown.t not in (None, 7):
            raise Wrong(f"t of p is {shown.t}, not 7", "set-state writes t too")

    doctor.event("set-state", SetState("A", "p", total, 7))
    doctor.read("read: what was written", ["p"], written)


def closure_step(doctor: Doctor) -> None:
    """The closure is called with all params, and the step returns its loss."""
    names = make_ready(doctor, "p", "q")
    asked = []
    tensors = doctor.tensors

    def answer(params: Any) -> Any:
        asked.append(messages.tensors_from_wire(params))
        gradients = {name: gradient_of(tensor) for name, tensor in tensors.items()}
        return messages.answer_to_wire(ClosureAnswer(gradients, 0.5), doctor.packed)

    def returned(ok: Any) -> None:
        if not asked:
            advice = "pass the implementation a closure that asks, and answers by it"
            raise Wrong("the closure was not called", advice)
        if set(asked[0]) != set(tensors):
            advice = "ask with all params that begin gave"
            raise Wrong(f"the closure was shown {sorted(asked[0])}", advice)
        for name, tensor in tensors.items():
            check_same(name, "the closure's theta", asked[0][name], tensor)
        if ok.get("loss") is None:
            raise Doubt("there is no loss: run judges whether the step returns it")

    event = Step("A", {}, loss=0.5)
    doctor.event("step with a closure", event, look=returned, closure=answer)
    doctor.read("read", names)


def many_steps(doctor: Doctor) -> None:
    """Three steps in one event, and a trace of them."""
    if doctor.claims("wide-state"):
        return  # its steps are taken one by one
    make_ready(doctor, "p")
    tensor = doctor.tensors["p"]
    cycle: list[dict[str, Gradient]] = [{"p": gradient_of(tensor)}]
    if doctor.claims("none-gradient"):
        cycle.append({"p": None})

    def whole(ok: Any) -> None:
        stepped = {"p": tensor}
        if doctor.claims("master-weights") and tensor.fmt.width == 16:
            stepped = {"p": tensor_of("binary32", [0.0] * len(tensor.bits))}
        check_traces(messages.reply_from_wire(ok).trace, stepped, 3)

    event = Steps("A", tuple(cycle), 3)
    doctor.event("steps: three in one event", event, "steps-answer", look=whole)
    doctor.read("read", ["p"])


def save_it(doctor: Doctor) -> None:
    """The state dict is read, and saved as bytes."""
    make_ready(doctor, "p")
    step_with(doctor, "p")
    doctor.event("state-dict", Read("A"))
    doctor.event("save", Save("A", "s"), "save-answer")


def load_via(via: LoadWay) -> Callable[[Doctor], None]:
    """A visit that saves and loads in one of the ways."""

    def go(doctor: Doctor) -> None:
        make_ready(doctor, "p")
        step_with(doctor, "p")
        saved = doctor.event("save", Save("A", "s"), "save-answer")
        load = Load("A", "s", via)
        if via == "new-process":
            if saved is not None:
                _load_in_second_process(doctor, load, base64.b64decode(saved["saved"]))
            return
        doctor.event("new", new_over(doctor, ("p",)))
        doctor.event(f"load, {via}", load)
        doctor.read("read", ["p"])

    return go


def _load_in_second_process(doctor: Doctor, load: Event, saved: bytes) -> None:
    """Load in a second process, while the first one runs."""
    first, doctor.child = doctor.child, None
    try:
        doctor.greet("start a second process")
        make_ready(doctor, "p")
        doctor.event("load in the second process", load, payload=saved)
        doctor.read("read", ["p"])
    finally:
        if first is not None:
            first.kill()
