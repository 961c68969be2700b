"""Adagrads that could not be made to run, and what was tried."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["UNREACHED"]

#: Name -> what was tried, and what came of it.
UNREACHED: Mapping[str, str] = {
    "onnxruntime": "1.31.1 installs, but the op is not registered for the CPU",
}
