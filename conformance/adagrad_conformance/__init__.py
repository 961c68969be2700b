"""The conformance suite for Adagrad: plays scenarios on a port and judges it.

    from adagrad_conformance import evaluate

    result = evaluate("my_file.py:MyAdagrad")
    print(result)

Importing this package loads neither mpmath nor NumPy nor any framework; `evaluate`
loads the suite when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import UserError

if TYPE_CHECKING:
    from .evaluation.api import evaluate
    from .evaluation.result import TargetResult

__version__ = "0.1.0"

__all__ = ["TargetResult", "UserError", "__version__", "evaluate"]

#: Names that load the suite, and the module of each.
_LAZY = {
    "TargetResult": "adagrad_conformance.evaluation.result",
    "evaluate": "adagrad_conformance.evaluation.api",
}


def __getattr__(name: str) -> Any:
    """Load what is named in `_LAZY`."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    """The public names, loaded or not."""
    return sorted({*globals(), *__all__})
