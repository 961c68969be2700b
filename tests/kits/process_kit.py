"""Processes that misbehave, each a few lines of Python.

A liar answers `start` properly, unless another `start` is given, and then does what its
script says.
"""

from __future__ import annotations

import os
import sys
import textwrap

from adagrad_conformance.transport.subprocess_client import SubprocessClient
from adagrad_reference.scenario import Group, New, Tensor

HOST = (sys.executable, "-m", "adagrad_conformance.host", "numpy")
NEVER = 60.0  # a timeout that must not fire
SOON = 0.3  # a timeout that will fire, however fast the machine

MANNERS = """
import json, os, signal, subprocess, sys, time

WHO = {"protocol": 1, "name": "liar", "version": "1", "language": "Python",
       "claims": ["binary64"]}

def hear():
    line = sys.stdin.readline()
    if not line:
        raise SystemExit
    return json.loads(line)

def say(**message):
    print(json.dumps(message), flush=True)

def write(text):
    os.write(1, text.encode())

def obey():
    while True:
        say(seq=hear()["seq"], ok={})
"""
POLITE_START = "hear(); say(seq=1, ok=WHO)"


def liar(script, *, start=POLITE_START, timeout=NEVER):
    """A candidate, not yet started, that runs `start` and then `script`."""
    text = "\n".join([MANNERS, start, textwrap.dedent(script)])
    return SubprocessClient((sys.executable, "-c", text), timeout)


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


PARAM = Tensor("binary64", (2,), (0, 0x3FF0000000000000))
MADE = New("A", (Group(("p",)),), {"lr": 0.5, "eps": 1e-3})


def no_closure(params):
    raise AssertionError("the closure was called")


NUMBER = {"format": "binary64", "shape": [], "bits": "3ff8000000000000"}
