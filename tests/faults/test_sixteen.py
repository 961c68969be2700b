"""Each of sixteen wrong ports gets the right answer, and a right one gets none."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import sixteen_ports as ports

from adagrad_conformance.adapters.torch_optim import TorchAdapter
from adagrad_conformance.checks.kinds import NativeCheck
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.execution.runner import observe
from adagrad_conformance.faults.find import find_faults
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judged_cases, verdict_of
from adagrad_conformance.transport.in_process import InProcessClient

LACKS = {"torch", "compile", "pickle"}


@functools.cache
def checks():
    """Every fourth check that is a scenario or a relation."""
    everything = checks_of_a_run(Library.read(), 7, fresh=2)
    return [c for c in everything if not isinstance(c, NativeCheck)][::4]


def faults(port):
    """What is found of a port."""
    candidate = InProcessClient(lambda: TorchAdapter("port", port, without=LACKS))
    identity = candidate.start()
    with np.errstate(all="ignore"):
        seen = list(observe(candidate, identity, checks()))
        terms = Terms(identity.claims, Library.read().expectations)
        cases = judged_cases(seen, terms)
        return find_faults(seen, terms, cases, [verdict_of(case) for case in cases])


#: The begin of the first fault's name, and its class.
DUE = {
    ports.NoneIsZero: ("none-zero", "gradients"),
    ports.LoadResetsSum: ("accumulator-changed-a-state-is-loaded", "state"),
    ports.SumByShape: ("departs-another-param-has-the-same-shape", "state"),
    ports.EpsInsideFromZero: ("eps-inside", "formula"),
    ports.OwnDecayIgnored: ("weight-decay-of-constructor", "state"),
    ports.Capped: ("t-capped", "rate"),
    ports.RateRounded: ("lr-rounded", "rate"),
    ports.ComplexSquared: ("step-wrong-the-param-is-complex", "complex"),
    ports.TailSkipped: ("step-wrong-tail-past-256", "layout"),
    ports.ScaledSum: ("sum-of-scaled-gradients", "formula"),
    ports.VectorsAtRateOne: ("rate-fixed-dimensions-1", "layout"),
    ports.SavingCounts: ("counter-the-state-is-saved", "state"),
    ports.RunningMean: ("running-mean", "formula"),
    ports.UpdateTwice: ("update-doubled", "formula"),
    ports.EpsFixed: ("eps-fixed", "formula"),
    ports.RootTwice: ("root-divided-twice", "formula"),
}


@pytest.mark.parametrize("port", DUE, ids=lambda port: port.__name__)
def test_the_first_fault_is_the_mistake(port):
    found = faults(port)
    first = found.faults[0]
    slug, kind = DUE[port]
    assert first.slug.startswith(slug), [f.slug for f in found.faults]
    assert kind in (first.kind, first.place)
    assert first.complaints > 0.3 * found.complaints
    assert len(found.unexplained) <= 0.2 * found.complaints


def test_two_mistakes_are_two_faults():
    found = faults(ports.EpsInsideFromZero)
    slugs = [fault.slug for fault in found.faults]
    assert slugs[0].startswith("eps-inside")
    assert slugs[1].startswith(("rate-t", "rate-from-t-0"))


def test_a_right_port_has_no_fault():
    found = faults(ports.Right)
    assert (found.faults, found.unexplained, found.complaints) == ((), (), 0)
