"""The command `adagrad-conformance`: every command, its arguments and its help.

Only names, defaults and help are loaded here.  A command loads the rest when it is
called, so that `--help` takes no second.

Exit codes: 0 no MUST failed (with --strict: no SHOULD either); 1 nonconformance;
2 usage or configuration; 3 a target could not be loaded or failed its smoke test;
4 nothing was selected, or too little could be judged.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from adagrad_conformance import __version__
from adagrad_conformance.errors import UserError
from adagrad_conformance.evaluation.defaults import FRESH
from adagrad_conformance.reports.formats import FILES, FORMATS

from .options import (
    file_options,
    format_option,
    jobs_option,
    level_option,
    memory_option,
    reproducers_option,
    seed_option,
    timeout_option,
)
from .streams import discard_output, prepare_streams

__all__ = ["LISTED", "main"]

#: What `list` shows.
LISTED = ("candidates", "clauses", "requirements", "checks", "scenarios", "dialects")


class _Command(click.Group):
    """The group of commands; it turns errors that a user can mend into one line each.

    An output that cannot be written has exit code 2: 1 would be a verdict.
    """

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command, and write what it printed before the exit code is chosen."""
        prepare_streams()
        try:
            try:
                return super().main(*args, **kwargs)
            finally:
                sys.stdout.flush()
        except UserError as error:
            if not kwargs.get("standalone_mode", True):
                raise
            print(f"adagrad-conformance: {error}", file=sys.stderr)
            sys.exit(2)
        except OSError as error:
            discard_output()
            reason = error.strerror or str(error)
            print(f"adagrad-conformance: cannot write: {reason}", file=sys.stderr)
            sys.exit(2)


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="adagrad-conformance")
def main() -> None:
    """Decides whether an implementation of Adagrad is right.

    Begin with: adagrad-conformance run torch/single
    """


@main.command()
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@level_option("may", "Play requirements")
@click.option("--strict", is_flag=True, help="A failed SHOULD gives exit code 1 too.")
@click.option("--only", metavar="GLOB", help="Checks or requirements by id.")
@click.option(
    "--exclude", metavar="GLOB", multiple=True, help="Leave these out (repeatable)."
)
@click.option("--without", metavar="CLAIMS", help="Leave out what needs them: a,b.")
@click.option(
    "--quick",
    is_flag=True,
    help="Without torch.compile, what is large, new processes, pairs in 16 bits.",
)
@click.option(
    "--scenario", "scenario_file", metavar="FILE", help="Play this one alone."
)
@format_option("terminal", FORMATS)
@click.option("-v", "form", flag_value="full", help="As --format full.")
@click.option("-q", "form", flag_value="brief", help="As --format brief.")
@click.option("--fail-fast", is_flag=True, help="End at the first failure at MUST.")
@click.option("--json", "stream_file", metavar="FILE", help="Write the result stream.")
@file_options(FILES)
@seed_option()
@click.option(
    "--fresh", type=click.IntRange(0), default=FRESH, help="How many a format."
)
@timeout_option()
@memory_option("each port's")
@reproducers_option()
@click.option("--waivers", metavar="FILE", help="Known failures, each with a reason.")
@click.option(
    "--write-waivers", metavar="FILE", help="Add an entry there for what fails."
)
@click.option(
    "--baseline", metavar="FILE", help="An older stream: red is only what got worse."
)
@click.option("--other-vectors", is_flag=True, help="Also a baseline of other vectors.")
@click.option("--known-faults", hidden=True, help="A folder of records.")
@jobs_option("Targets")
def run(**options: Any) -> None:
    """Play the scenarios on each TARGET and judge it.

    TARGET is a registered name (see `list candidates`), module:Class, file.py:Class,
    or exec:COMMAND for a program that speaks the protocol.
    """
    from .running.run import RunOptions, run_command

    sys.exit(run_command(RunOptions(**options)))


@main.command()
@click.argument("target", metavar="TARGET")
@level_option("must", "Explain what fails")
@seed_option()
@click.option("--json", "output", metavar="FILE", help="Write the diagnosis as JSON.")
@timeout_option()
@reproducers_option()
@memory_option()
def diagnose(**options: Any) -> None:
    """Find the dialect or the known fault that explains what TARGET does.

    Everything is played as by `run` and then judged again by every switch and every
    declared dialect (`list dialects`).  What fits is ranked, with the one scenario
    that tells the first explanation from the next; then the port is judged in full by
    the first.  Exit code 0: nothing fails; 1: something does.
    """
    from .diagnose import DiagnoseOptions, diagnose_command

    sys.exit(diagnose_command(DiagnoseOptions(**options)))


@main.command()
@click.argument("target", metavar="TARGET")
@seed_option("the random examples")
@click.option(
    "--examples", type=click.IntRange(1), default=200, help="How many of each kind."
)
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    default="explored.json",
    help="Where the scenario is written that shows a difference.",
)
@timeout_option()
def explore(**options: Any) -> None:
    """Look for a difference at random, and shrink what is found.

    Scenarios are drawn by Hypothesis, within what TARGET claims, and a state machine
    is driven beside the reference.  The smallest scenario that shows a difference is
    written to a file, for `run TARGET --scenario FILE`, and as a few lines of torch.
    """
    from .explore import explore_command

    sys.exit(explore_command(**options))


@main.command()
@click.argument("target", metavar="TARGET")
@click.option("--show", is_flag=True, help="Print whole lines.")
@timeout_option()
@memory_option()
def doctor(**options: Any) -> None:
    """Check how TARGET's adapter uses the protocol, message by message.

    Every claim is exercised by a few messages, and each answer is held to the
    protocol's schema and to its meaning.  No number that the port computes is judged;
    that is what `run` does.  Exit code 0: all is in order; 3: something is wrong.
    """
    from .doctor import doctor_command

    sys.exit(doctor_command(**options))


@main.command(name="new-adapter")
@click.option(
    "--language",
    required=True,
    metavar="python|javascript|cpp|c|rust",
    help="What the port is written in.",
)
@click.argument("folder", default="adagrad-adapter", metavar="[FOLDER]")
def new_adapter(language: str, folder: str) -> None:
    """Write a working adapter to begin with, into FOLDER (default: adagrad-adapter).

    A kit speaks the protocol; the adapter beside it has a toy port to be replaced by
    yours.  README.md there says how to build it, examine it and judge it.
    """
    from .new_adapter import new_adapter_command

    new_adapter_command(language, folder)


@main.command(name="list")
@click.argument("what", type=click.Choice(LISTED))
def list_(what: str) -> None:
    """List what there is; `scenarios` are those with golden vectors."""
    from .list import listing

    with _ending_with_the_pipe():
        for line in listing(what):
            click.echo(line)


@main.command()
@click.argument("name", metavar="ID")
def explain(name: str) -> None:
    """Explain a clause, a requirement or a scenario, down to the bits."""
    from .explain import explanation

    with _ending_with_the_pipe():
        click.echo(explanation(name))


@main.command(name="explain-port")
@click.argument("name", metavar="NAME")
def explain_port(name: str) -> None:
    """Say what a published port promises, claim by claim, and where it does so."""
    from .explain_port import port_explanation

    with _ending_with_the_pipe():
        for line in port_explanation(name):
            click.echo(line)


@main.command()
@click.argument("streams", nargs=-1, required=True, metavar="STREAM...")
@format_option("markdown", {n: form for n, form in FORMATS.items() if form.several})
@click.option("--output", "-o", metavar="FILE", help="Where (default: it is printed).")
@click.option("--pages", metavar="FOLDER", help="With a page for each port there.")
@click.option("--bench", metavar="FILE", help="Figures that `make bench` wrote.")
@click.option("--power", metavar="FILE", help="Figures that `make power` wrote.")
@click.option("--soundness", metavar="FILE", help="Those that `make soundness` wrote.")
@click.option("--reproducers", metavar="FOLDER", help="Scripts to link to.")
@file_options(FILES)
def report(
    streams: tuple[str, ...],
    form: str,
    output: str | None,
    reproducers: str | None,
    pages: str | None,
    **figures: str | None,
) -> None:
    """Write a report from result streams; of two on a target, the first one counts."""
    from .report import write_report

    given = {name: Path(text) for name, text in figures.items() if text}
    files = {n: p for n, p in given.items() if n.startswith("file_")}
    paths = {name: path for name, path in given.items() if name not in files}
    inputs = [Path(name) for name in streams]
    write_report(
        inputs, form, _path(output), paths, _path(reproducers), _path(pages), files
    )


@main.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--other-vectors", is_flag=True, help="Also where the vectors differ.")
@click.option("-v", "everything", is_flag=True, help="All changes.")
def compare(old: str, new: str, other_vectors: bool, everything: bool) -> None:
    """Compare two result streams of the same targets.

    Worse is a new fault, a check that passed, a worse grade, a larger error.  What was
    red before is not.  Exit code 0: nothing is worse; 1: something is.
    """
    from .running.gating import compare_streams

    sys.exit(compare_streams(old, new, other_vectors, everything))


@main.group()
def waivers() -> None:
    """Known failures: check them, or put them in another form."""


@waivers.command(name="check")
@click.argument("file", metavar="FILE")
@click.argument("stream", required=False, metavar="[STREAM]")
@click.option("--strict", is_flag=True, help="As of `run`.")
def check_waivers_(file: str, stream: str | None, strict: bool) -> None:
    """Find waivers without reason, expired, not needed, or of nothing that exists.

    With STREAM, what `run --json` wrote, they are held against what failed there.
    Exit code 1: one is in trouble, or a failure at MUST is not waived.
    """
    from .running.gating import check_waivers

    sys.exit(check_waivers(file, stream, strict))


@waivers.command(name="export")
@click.argument("file", metavar="FILE")
@click.option(
    "--as",
    "form",
    type=click.Choice(["json", "text"]),
    default="json",
    help="json: {test: {category, reason, issue}}; text: an id a line.",
)
def export_waivers_(file: str, form: str) -> None:
    """Print waivers as the test suites of others read them."""
    from .running.gating import export_waivers

    with _ending_with_the_pipe():
        export_waivers(file, form)


@main.group()
def vectors() -> None:
    """Generate, verify or show the golden vectors."""


@vectors.command()
@click.option("--output", metavar="FOLDER", help="Where (default: the checkout's).")
def generate(output: str | None) -> None:
    """Compute every vector file anew."""
    from .vectors import generate_vectors

    generate_vectors(_path(output))


@vectors.command()
@click.argument("folder", required=False)
def verify(folder: str | None) -> None:
    """Compute every file afresh and compare byte for byte."""
    from .vectors import verify_vectors

    sys.exit(verify_vectors(_path(folder)))


@vectors.command()
@click.argument("name", metavar="ID")
def show(name: str) -> None:
    """Print one vector as it stands in its file."""
    from .vectors import show_vector

    with _ending_with_the_pipe():
        click.echo(show_vector(name))


@main.group()
def ports() -> None:
    """The registered ports: where each runs, and how they stand."""


@ports.command(name="list")
def list_ports() -> None:
    """List the ports and whether their environments are built."""
    from .ports import listing

    with _ending_with_the_pipe():
        for line in listing():
            click.echo(line)


@ports.command(name="build")
@click.argument("names", nargs=-1, metavar="[NAME...]")
def build_ports(names: tuple[str, ...]) -> None:
    """Make the environments of ports (default: all); gigabytes, some minutes.

    They lie in $ADAGRAD_CONFORMANCE_PORTS, or else in the user's cache.  Exit code 3:
    one could not be made; its ports are then not run.
    """
    from .ports import build

    sys.exit(build(names))


@ports.command(name="record")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--output", "-o", required=True, metavar="FOLDER", help="Where to.")
@seed_option(required=True)
@timeout_option(default=120.0)
@jobs_option("Ports")
def record_ports(
    names: tuple[str, ...], output: str, seed: int, timeout: float, jobs: int
) -> None:
    """Run ports in full (default: all) and keep streams and reproducers.

    `report` reads the streams.  Exit code 3: a port was not run, or a script does not
    end in the fault; what was recorded of it before stays.
    """
    from .ports import record

    sys.exit(record(names, Path(output), seed, jobs, timeout))


@ports.command(name="check")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--recorded", "-r", required=True, metavar="FOLDER", help="By `record`.")
def check_ports(names: tuple[str, ...], recorded: str) -> None:
    """Run the recorded scripts of ports (default: all), each in its environment.

    Exit code 1: one passes, or ends elsewhere than in its fault; 3: an environment is
    not built.
    """
    from .ports import check

    sys.exit(check(names, Path(recorded)))


@ports.command(name="confirm")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--recorded", "-r", required=True, metavar="FOLDER", help="With faults/.")
def confirm_ports(names: tuple[str, ...], recorded: str) -> None:
    """Run the script of each fault of ports (default: all), and its control.

    Exit code 1: a script does not end in its fault, or its control fails; 3: an
    environment is not built.
    """
    from .ports import confirm_faults

    sys.exit(confirm_faults(names, Path(recorded)))


@contextlib.contextmanager
def _ending_with_the_pipe() -> Iterator[None]:
    """In the block, a closed standard output ends the process: `list scenarios | head`.

    Elsewhere it must not, or a port that reads no more would end the suite.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
