"""`explore`: draw scenarios and drive a state machine until a port goes wrong."""

from __future__ import annotations

import json
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from adagrad_conformance import __version__
from adagrad_conformance.adapters.base import Malformed
from adagrad_conformance.errors import UserError
from adagrad_conformance.evaluation.defaults import chosen_seed
from adagrad_conformance.execution.smoke_test import smoke_test
from adagrad_conformance.reports.records import check_record
from adagrad_conformance.reports.summary import Finding
from adagrad_conformance.reproducers.torch_script import (
    torch_constructor,
    torch_snippet,
)
from adagrad_conformance.transport.errors import NotLoaded
from adagrad_conformance.transport.identity import Identity
from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_conformance.transport.targets import parse_target
from adagrad_reference.scenario_json import scenario_to_json

from .outputs import check_writable, write

if TYPE_CHECKING:
    from adagrad_conformance.explore import Found, Search

__all__ = ["explore_command"]


class _NothingToDo(Exception):
    """The claims of the port leave nothing to draw."""


def explore_command(
    target: str, seed: int | None, examples: int, output: str, timeout: float
) -> int:
    """Returns the exit code; raises `UserError` for what cannot be run at all."""
    try:
        client = SubprocessClient(parse_target(target).command, timeout)
    except ValueError as error:
        raise UserError(str(error)) from None
    _check_installed()
    path = Path(output)
    check_writable(path, "--output")
    seed = chosen_seed(seed)
    click.echo(f"adagrad-conformance {__version__}: exploring {target}, seed {seed}")
    try:
        identity = _started(client)
        search = _explored(client, identity, examples, seed)
    except (NotLoaded, Malformed) as error:
        lines = str(error).strip().splitlines() or ["no reason was given"]
        click.echo(f"{target}: could not be loaded: {lines[-1].strip()}", err=True)
        return 3
    except _NothingToDo as error:
        click.echo(f"{target}: nothing to explore: {error}", err=True)
        return 4
    except KeyboardInterrupt:
        client.abandon()
        click.echo("adagrad-conformance: interrupted", err=True)
        return 130
    finally:
        client.close()
    if search.found is None:
        click.echo(f"{target}: {search.examples} examples, no difference")
        return 0
    _print_found(target, identity, search, search.found, path, seed)
    return 1


def _check_installed() -> None:
    try:
        import hypothesis  # noqa: F401
    except ModuleNotFoundError:
        raise UserError(
            "explore needs hypothesis: pip install 'adagrad-conformance[explore]'"
        ) from None


def _started(client: SubprocessClient) -> Identity:
    identity = client.start()
    if problem := smoke_test(client, identity):
        raise NotLoaded(f"failed its smoke test: {problem}")
    return identity


def _explored(
    client: SubprocessClient, identity: Identity, examples: int, seed: int
) -> Search:
    from adagrad_conformance.explore import NoScenario, explore

    try:
        with _nothing_left_behind():
            return explore(client, identity.claims, examples, seed)
    except NoScenario as error:
        raise _NothingToDo(str(error)) from None


@contextmanager
def _nothing_left_behind() -> Iterator[None]:
    """Let Hypothesis keep its notes in a folder that goes when the block ends."""
    from hypothesis.configuration import set_hypothesis_home_dir

    with tempfile.TemporaryDirectory() as folder:
        set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            set_hypothesis_home_dir(None)


def _print_found(
    target: str,
    identity: Identity,
    search: Search,
    found: Found,
    path: Path,
    seed: int,
) -> None:
    """Write the scenario; print the evidence, how to replay it, and a snippet."""
    scenario = replace(found.scenario, id=f"{found.scenario.id}/seed-{seed}")
    write(path, json.dumps(scenario_to_json(scenario), indent=1) + "\n")
    verdict = replace(found.verdict, scenario=scenario.id)
    record = check_record(target, verdict)
    finding = Finding(str(verdict.requirement), verdict.level, [record])
    events = ", ".join(type(event).__name__ for event in scenario.events)
    click.echo(f"{target}: a difference, found after {search.examples} examples")
    click.echo(f"  {finding.evidence}")
    if not found.steady:
        click.echo("  it was not seen each time: the port differs from run to run")
    if verdict.failure:
        click.echo(f"  at event {verdict.failure.event} of: {events}")
    else:
        click.echo(f"  after the events: {events}")
    click.echo(f"the scenario stands in {path}; replay it with")
    words = ["adagrad-conformance", "run", target, "--scenario", str(path)]
    click.echo(f"  {shlex.join(words)}")
    made = torch_constructor(target)
    if made is None or "torch" not in identity.claims:
        return
    if identity.name == target:
        click.echo("the same in torch, without this suite")
        text = torch_snippet(scenario, made)
        for line in text.splitlines():
            click.echo(f"  {line}")
