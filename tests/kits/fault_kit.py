"""Replacing files and folders with a fault at each step, in a small process of its own.

`python fault_kit.py ACTION STRIKE` prints, for each step, a line of JSON: what is there
after the fault, and after the next replacement, which fails by itself and tidies up.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from adagrad_conformance import files
from adagrad_conformance.files import (
    remove_folder,
    replace_folder,
    write_bytes,
    write_text,
)

NAMES = ("a.json", "b.json")
OLD, NEW = ({name: f"{word} {name}" for name in NAMES} for word in ("old", "new"))


def ours(names):
    return all(name.endswith(".json") for name in names)


def put(place, content):
    if content is not None:
        place.mkdir(parents=True)
        for name, text in content.items():
            (place / name).write_text(text)


def read(place):
    """What is in a folder, or is the text of a file; None where nothing is."""
    if place.is_dir():
        return {path.name: path.read_text() for path in place.iterdir()}
    return place.read_text() if place.exists() else None


def replace(place, content=NEW):
    with replace_folder(place, ours) as new:
        for name, text in content.items():
            (new / name).write_text(text)


@contextlib.contextmanager
def fault(step, strike):
    """Call `strike` before a line of files.py or shutil; gives the counter of lines."""
    counted = itertools.count()

    def line(frame, event, argument):
        if event == "line" and next(counted) == step:
            strike()
        return line

    def call(frame, event, argument):
        watched = frame.f_code.co_filename in (files.__file__, shutil.__file__)
        return line if watched else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        yield counted
    finally:
        sys.settrace(before)


#: What is done -> (what is there before, what is there after, how it is done).
ACTIONS = {
    "exchange": (OLD, NEW, replace),
    "two renames": (OLD, NEW, replace),
    "first": (None, NEW, replace),
    "removal": (OLD, None, lambda place: remove_folder(place, ours)),
    "file": ("old", "new", lambda place: write_text(place, "new")),
    "first file": (None, "new", lambda place: write_text(place, "new")),
}


@contextlib.contextmanager
def prepared(action, folder):
    """(a place as it is before, and the action), by the way that its name says."""
    before, _, act = ACTIONS[action]
    place = Path(folder, "place")
    if isinstance(before, str):
        place.write_text(before)
    else:
        put(place, before)
    whole = files._renameat2
    if action == "two renames":
        files._renameat2 = lambda: None
    try:
        yield place, act
    finally:
        files._renameat2 = whole


def steps(action):
    """How many lines an action runs through, from the second time on."""
    files._renameat2()
    with tempfile.TemporaryDirectory() as folder, prepared(action, folder) as made:
        place, act = made
        with fault(-1, None) as counted:
            act(place)
        assert read(place) == ACTIONS[action][1]
        return next(counted)


def tidy(action, place):
    """The next replacement, which fails by itself."""
    with contextlib.suppress(Fault, TypeError):
        if "file" in action:
            write_bytes(place, None)
        else:
            with replace_folder(place, ours):
                interrupt()


class Fault(BaseException):
    """No error that is expected."""


def interrupt(*given):
    raise Fault


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def in_a_child(act, place, step, strike):
    """How a process ends in which a fault strikes: 0 or a signal; else no fault did."""
    child = os.fork()
    if child == 0:
        struck = False
        try:
            # shutil.rmtree closes a folder twice where a fault is between
            with contextlib.suppress(Fault, OSError), fault(step, strike) as counted:
                act(place)
            struck = next(counted) > step
        finally:
            os._exit(not struck)
    return os.waitpid(child, 0)[1]


STRIKES = {"exception": interrupt, "SIGKILL": kill}


def outcome(action, step, strike):
    """What one fault leaves behind."""
    with tempfile.TemporaryDirectory() as folder, prepared(action, folder) as made:
        place, act = made
        end = in_a_child(act, place, step, STRIKES[strike])
        seen = read(place)
        tidy(action, place)
        then, names = read(place), sorted(path.name for path in Path(folder).iterdir())
    return {"step": step, "end": end, "seen": seen, "then": then, "names": names}


if __name__ == "__main__":
    for number in range(steps(sys.argv[1])):
        print(json.dumps(outcome(sys.argv[1], number, sys.argv[2])))
