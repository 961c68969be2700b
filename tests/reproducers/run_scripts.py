"""Runs scripts of a folder with every framework faked; run by test_hostile_scripts.py.

Each statement is run by itself, so that an assertion at the end is reached, and its
message made, whatever the fakes cannot do before it.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import sys
import types
from pathlib import Path

REAL = {"os", "sys", "io", "copy", "math", "types", "pickle", "collections", "runpy"}


class Fake:
    """Anything, which gives itself for everything."""

    def __getattr__(self, name):
        if name == "__mro_entries__":
            return lambda bases: ()
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *given, **named):
        return self

    def __iter__(self):
        return iter((self, self))

    __getitem__ = __add__ = __radd__ = __mul__ = __neg__ = __or__ = __ior__ = __call__
    __mod__ = __truediv__ = __setitem__ = __delitem__ = __enter__ = __exit__ = __call__

    def __float__(self):
        return 1.5

    def __int__(self):
        return 7

    def __len__(self):
        return 3


class FakeModule(types.ModuleType):
    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Fake()


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds every module; those of the standard library are found before."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in REAL:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return FakeModule(spec.name)

    def exec_module(self, module):
        pass


class Names(dict):
    """What is not bound is a fake, but for builtins."""

    def __missing__(self, name):
        if name in __builtins__.__dict__:
            raise KeyError(name)
        return Fake()


def main(folder):
    sys.meta_path.insert(0, Finder())
    reached = 0
    for script in sorted(Path(folder).glob("*.py")):
        names = Names()
        for node in ast.parse(script.read_text()).body:
            code = compile(ast.Module([node], []), script.name, "exec")
            try:
                exec(code, {}, names)
            except AssertionError:
                reached += 1
            except (Exception, SystemExit):
                pass
    print("assertions", reached)


if __name__ == "__main__":
    main(sys.argv[1])
