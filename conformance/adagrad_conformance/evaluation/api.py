"""`evaluate`: judges one port from Python.

This module loads the suite when `evaluate` is called, so that importing it is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .defaults import FRESH

if TYPE_CHECKING:
    from .driving import PortLike
    from .result import TargetResult

__all__ = ["evaluate"]


def evaluate(
    port: PortLike,
    *,
    level: Literal["must", "should", "may"] = "may",
    only: str | None = None,
    quick: bool = False,
    seed: int | None = None,
    fresh: int = FRESH,
    timeout: float | None = None,
    memory_gib: float | None = None,
    explain: bool = True,
) -> TargetResult:
    """Play the checks on a port and judge it, as `adagrad-conformance run` does.

        result = evaluate("my_file.py:MyAdagrad")
        print(result)
        assert result.conformant

    `port` is one of

    - a text: a target of the command line, such as `torch/single`, `module:Class`,
      `file.py:Class` or `exec:COMMAND`;
    - a class of `torch.optim.Optimizer` with the constructor of Adagrad;
    - an adapter (`adagrad_conformance.adapters.base.Adapter`), or a class or function
      without arguments that makes one.

    A text, and a class or function that stands in a module, run in a process of their
    own, which imports that module afresh: a hang or a crash there is a failed check.
    An adapter, and a class from a notebook, a function or the program itself, run in
    this process: there is no time limit, a crash ends the caller, and the claim
    `load-new-process` is dropped.

    `level` plays requirements up to that level, `only` those checks whose id or
    requirement matches a pattern such as `lr-decay/*`; `quick` leaves out
    torch.compile, large checks, checks in new processes, and the covering array in
    formats of 16 bits. `seed` and `fresh` choose the random scenarios: how many for
    each format, by default from a new seed, or from the same one each time where the
    environment variable CI is set. `timeout` is in seconds for each answer (default
    60), `memory_gib` limits the data of the port's process. Without `explain` failures
    are not diagnosed, which takes some seconds.

    A port that cannot be loaded gives a result with a `problem`.  Raises `UserError`
    for an unknown target, for options that select nothing or are out of range, and
    inside the process of a port.
    """
    from .port import Options, evaluate_port

    options = Options(
        level=level,
        only=only,
        quick=quick,
        seed=seed,
        fresh=fresh,
        timeout=timeout,
        memory_gib=memory_gib,
        explain=explain,
    )
    return evaluate_port(port, options)
