"""What `new-adapter` writes, a folder for each language.

Each folder holds an adapter with a toy port, which its author replaces, and the kit
that speaks the protocol.  The files in the folders are copied and never imported.
Imports nothing of the suite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["FOLDER", "LANGUAGES", "Language"]

#: Where the folders are.
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Language:
    """What is written for a language; the commands are for the new folder."""

    adapter: str  #: the file that its author fills
    target: str  #: its name on the command line of `run`
    refusals: str  #: how a port refuses, in one sentence
    kit: str | None = None  #: the file that speaks the protocol
    build: str | None = None  #: the command that builds it


#: By the name of the folder.
LANGUAGES: Mapping[str, Language] = {
    "python": Language(
        "adapter.py",
        "adapter.py:Adapter",
        "The exceptions that refuse are listed in `refusals`.",
    ),
    "javascript": Language(
        "adapter.mjs",
        '"exec:node adapter.mjs"',
        "List the classes of errors that refuse in `refusals`.",
        kit="port.mjs",
    ),
    "cpp": Language(
        "adapter.cpp",
        "exec:./adapter",
        "Throw `Refused`, or tell by `Port::refuses` which exceptions refuse.",
        kit="adagrad_port.hpp",
        build="g++ -std=c++17 -O2 -Wall -Wextra adapter.cpp -o adapter",
    ),
    "c": Language(
        "adapter.c",
        "exec:./adapter",
        "Call `ap_refuse` for it.",
        kit="adagrad_port.h",
        build="gcc -std=c11 -O2 -Wall -Wextra adapter.c -lm -o adapter",
    ),
    "rust": Language(
        "adapter.rs",
        "exec:./adapter",
        "Give `Err(Refused(..))` for it; a panic is a crash.",
        kit="adagrad_port.rs",
        build="rustc --edition 2021 -O adapter.rs -o adapter",
    ),
}
