"""Mutants by name, the failure of each that is least to look at, and its reproducer."""

from __future__ import annotations

import functools
import json
from dataclasses import replace

from mutant_kit import adapter
from mutant_table import MUTANTS

from adagrad_conformance import by_hand
from adagrad_conformance.adapters import torch_optim
from adagrad_conformance.adapters.own import numpy_adapter as numpy_own
from adagrad_conformance.checks.selection import checks_of_a_run
from adagrad_conformance.checks.vector_files import Library
from adagrad_conformance.execution.runner import observe, play
from adagrad_conformance.grading.case import Terms
from adagrad_conformance.grading.judge import judge
from adagrad_conformance.reproducers.ranking import cheapest_failures
from adagrad_conformance.reproducers.smallest import smallest
from adagrad_conformance.transport.in_process import InProcessClient
from adagrad_reference.scenario import Scenario
from adagrad_reference.scenario_json import scenario_from_json, scenario_to_json

SEED = 20_110_712
PORTS = {mutant.port.__name__: mutant.port for mutant in MUTANTS}
RIGHT = {"numpy": numpy_own.NumpyAdapter, "torch/single": torch_optim.single}


@functools.cache
def library():
    return Library.read()


@functools.cache
def scenarios(requirement):
    """The scenarios whose first requirement it is."""
    everything = checks_of_a_run(library(), SEED, fresh=2)
    listed = [check for check in everything if isinstance(check, Scenario)]
    return [s for s in listed if s.requirements[0] == requirement]


def started(name):
    """The mutant in this process; a torch port is called by its class."""
    port = PORTS[name]
    candidate = InProcessClient(lambda: adapter(port))
    identity = candidate.start()
    if "torch" in identity.claims:
        identity = replace(identity, name=f"{port.__module__}:{port.__qualname__}")
    return candidate, identity


@functools.cache
def failure(name, requirement):
    """The failed scenario that stands for a requirement, and its verdict."""
    candidate, identity = started(name)
    seen = list(observe(candidate, identity, scenarios(requirement)))
    verdicts = judge(seen, Terms(identity.claims, library().expectations))
    found = cheapest_failures(verdicts, scenarios(requirement))
    return found.get(requirement) or next(iter(found.values()))


def reproducer(name, requirement):
    candidate, identity = started(name)
    verdict, scenario = failure(name, requirement)
    return smallest(candidate, identity, scenario, verdict, library().expectations)


def again(found):
    """The scenario as its file brings it back."""
    return scenario_from_json(json.loads(json.dumps(scenario_to_json(found.scenario))))


def verdict_of(factory, scenario):
    candidate = InProcessClient(factory)
    identity = candidate.start()
    seen = play(candidate, scenario)
    (verdict,) = judge([seen], Terms(identity.claims, library().expectations))
    return verdict


def size(found):
    """Events and elements."""
    tensors = found.scenario.tensors.values()
    return len(found.scenario.events), sum(t.size for t in tensors)


def code_lines(text):
    """The lines of a script without its head."""
    return sum(not line.startswith("#") for line in text.splitlines())


def lines(found):
    """The lines of a reproducer's script without its head."""
    return code_lines(found.snippet)


def executed(text, factory, monkeypatch):
    """Run a script on a port in this process; what ended it, if anything did."""
    monkeypatch.setattr(by_hand, "load_adapter", lambda name: factory())
    try:
        exec(compile(text, "reproducer", "exec"), {})
    except (Exception, SystemExit) as error:
        return error
    return None


def on_torch(text, name):
    """The script of a torch port, with torch's own Adagrad in its place."""
    return text.replace(f"= {name}(", "= torch.optim.Adagrad(")
