"""Scenarios drawn from fixed seeds, and explorations of a port in this process."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded

from adagrad_conformance.adapters.base import CLAIMS
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.explore import explore, scenarios
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.bookkeeping import Bookkeeper
from adagrad_reference.scenario import (
    Load,
    Step,
    Tensor,
)

#: All but a claim that takes another one away.
ALL = frozenset(CLAIMS) - {"wide-state"}
TAU = "initial_accumulator_value"
PATIENCE = 120  # seconds; only a failure waits so long


def drawn(count, claims=ALL, start=1):
    """`count` scenarios, always the same."""
    found = []

    @seeded(start)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(scenarios(claims))
    def collect(scenario):
        found.append(scenario)

    collect()
    return found


def happenings(scenario):
    """Words for all that happens in a scenario."""
    books = Bookkeeper(scenario)
    for event in scenario.events:
        effect = books.apply(event)
        yield type(event).__name__ + (" refused" if effect.refusal else "")
        if isinstance(event, Load):
            yield f"load {event.via}"
        if isinstance(event, Step):
            yield "closure" if event.loss is not None else "no closure"
            for gradient in event.gradients.values():
                yield type(gradient).__name__
                if isinstance(gradient, Tensor) and gradient.layout:
                    yield "laid out gradient"
    for tensor in scenario.tensors.values():
        yield tensor.format
        yield "complex" if tensor.complex else "real"
        yield "laid out" if tensor.layout else "plain"
    if len(scenario.formats) > 1:
        yield "mixed"
    if len(books.optimizers) > 1:
        yield "two optimizers"


def explored(factory, examples, start=1, without=frozenset()):
    candidate = InProcessClient(factory)
    identity = candidate.start()
    return explore(candidate, identity.claims - without, examples, start)


def kinds(scenario):
    return [type(event).__name__ for event in scenario.events]


def adapter_of(port):
    class Of(numpy_own.NumpyAdapter):
        name = port.__name__
        claims = numpy_own.NumpyAdapter.claims - {"sparse", "complex", "layout"}

        def make_optimizer(self, params, options):
            return port(params, **options)

    return Of
