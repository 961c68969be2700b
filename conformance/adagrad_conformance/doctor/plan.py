"""All visits in order, and the examination of a port from start to stop.

Each visit begins anew, so that a fault costs one visit; a port that has ended the
conversation is started again for the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adagrad_conformance.adapters.native.table import NATIVE
from adagrad_conformance.transport import messages
from adagrad_conformance.transport.errors import MAX_FAILURES, NotLoaded
from adagrad_conformance.transport.json_lines import unasked
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_reference.formats import FORMATS

from . import basics, gradients, options, state
from .advice import ADVICE
from .conversation import Doctor, Exchange, Lost
from .fixtures import new_over, params_of
from .harness import Finding, harness_doubt

__all__ = ["VISITS", "Visit", "examine"]


@dataclass(frozen=True)
class Visit:
    """A short sequence of questions for ports that make all the claims `needs`."""

    claim: str  #: the claim that is examined, or ""
    needs: tuple[str, ...]
    go: Callable[[Doctor], None]


def _claim(name: str, go: Callable[[Doctor], None], *others: str) -> Visit:
    return Visit(name, (name, *others), go)


def _native(doctor: Doctor) -> None:
    name = next(iter(NATIVE))
    doctor.ask(f"check {name}", {"op": "check", "name": name}, "check-answer")


def _ahead(doctor: Doctor) -> None:
    if "ahead" not in doctor.takes:
        return
    doctor.tensors = params_of(doctor, "p")
    shown = messages.tensors_to_wire(doctor.tensors, doctor.packed)
    made = messages.event_to_wire(new_over(doctor, ("p",)), None, doctor.packed)
    questions = [
        ({"op": "begin", "tensors": shown}, "begin-answer"),
        ({"op": "event", **made}, "event-answer"),
        ({"op": "read", "optimizer": "A"}, "read-answer"),
    ]
    doctor.ask_at_once("begin, new and read in one piece", questions)


VISITS: Sequence[Visit] = (
    Visit("", (), basics.empty_begin),
    Visit("", (), basics.formats_and_shapes),
    Visit("", (), basics.begins_twice),
    _claim("defaults", options.defaults),
    Visit("", (), options.each_option),
    _claim("zero-lr", options.zero_of("lr")),
    _claim("zero-eps", options.zero_of("eps"), "eps"),
    _claim(
        "zero-accumulator",
        options.zero_of("initial_accumulator_value"),
        "initial-accumulator-value",
    ),
    _claim("set-option", options.set_option),
    _claim("set-lr", options.set_lr),
    _claim("refusals", options.refusals),
    _claim("groups", options.two_groups),
    _claim("add-group", options.add_group),
    _claim("add-params", options.add_group),
    _claim("mixed-formats", options.mixed_formats),
    _claim("none-gradient", gradients.none_gradient),
    _claim("zero-grad", gradients.zero_grad),
    _claim("sparse", gradients.sparse_rows),
    _claim("weight-decay", gradients.refused_sparse, "sparse"),
    _claim("needs-a-gradient", gradients.refused_empty, "none-gradient"),
    _claim("complex", gradients.complex_param),
    _claim("layout", gradients.view),
    _claim("state-write", state.state_write),
    _claim("closure", state.closure_step),
    _claim("many-steps", state.many_steps),
    _claim("save", state.save_it),
    _claim("load-same-object", state.load_via("same-object"), "save"),
    _claim("load-deepcopy", state.load_via("deepcopy"), "save"),
    _claim("load-bytes", state.load_via("bytes"), "save"),
    _claim("load-new-process", state.load_via("new-process"), "save"),
    _claim("torch", _native, "binary32"),
    Visit("", (), _ahead),
)


def examine(doctor: Doctor) -> None:
    """Examine a port from start to stop; `doctor.report` is called with each step."""
    try:
        doctor.greet("start")
        if not doctor.identity.claims & set(FORMATS):
            advice = f"claim at least one of {', '.join(FORMATS)}"
            doctor.report(
                Exchange("claims", problem="no format is claimed", advice=advice)
            )
            return
        for visit in VISITS:
            if doctor.claims(*visit.needs) and not _given_up(doctor):
                _visit(doctor, visit)
        if not _given_up(doctor):
            _doubt(doctor)
            _farewell(doctor)
    except Lost:
        pass
    finally:
        doctor.leave()


def _given_up(doctor: Doctor) -> bool:
    return doctor.losses >= MAX_FAILURES


def _visit(doctor: Doctor, visit: Visit) -> None:
    """Make one visit, after a restart if the port has ended.  Raises `Lost`."""
    if doctor.child is None:
        doctor.claim = ""
        doctor.greet("start again")
    doctor.claim = visit.claim
    try:
        visit.go(doctor)
    except Lost:
        if _given_up(doctor):
            problem = f"it broke off {doctor.losses} times; the rest was not tried"
            advice = "mend the first fault first"
            doctor.report(Exchange("give up", problem=problem, advice=advice))


def _doubt(doctor: Doctor) -> None:
    """Options, state and shapes on their way, in a process of its own."""
    title = "options, state and shapes"
    client = SubprocessClient(doctor.command, doctor.timeout, doctor.memory_gib)
    try:
        found = harness_doubt(client, client.start())
    except NotLoaded as error:
        found = Finding(str(error), ADVICE["not-started"])
    finally:
        client.close()
    if found is None:
        doctor.report(Exchange(title))
    elif found.certain:
        doctor.report(Exchange(title, problem=found.problem, advice=found.advice))
    else:
        doctor.report(Exchange(title, note=f"in doubt: {found}"))


def _farewell(doctor: Doctor) -> None:
    """`stop` ends the port, and so does the end of its input."""
    if doctor.child is None:
        doctor.greet("start again")
    doctor.ask("stop", {"op": "stop"}, "stop-answer")
    _check_end(doctor, "the end after stop")
    doctor.greet("start again")
    if doctor.child is not None:
        doctor.child.end_input()
    _check_end(doctor, "the end of the input")


def _check_end(doctor: Doctor, title: str) -> None:
    """Check that the process ends by itself, without another line."""
    child = doctor.child
    if child is None:
        return
    code, stray = child.end(doctor.timeout), child.stray()
    if stray is not None:
        problem, advice = str(unasked(stray)), ADVICE["unasked"]
        doctor.report(Exchange(title, problem=problem, advice=advice))
    elif code is None:
        problem = f"the process lives on after {doctor.timeout:g} s"
        advice = "leave the loop at stop and at the end of the input"
        doctor.report(Exchange(title, problem=problem, advice=advice))
    else:
        note = "" if code == 0 else f"by the way, with exit code {code}"
        doctor.report(Exchange(title, note=note))
    doctor.leave()
