"""Right ports without NumPy: lists, buffers of bytes, the array module, ctypes."""

from __future__ import annotations

import array
import ctypes
import struct

import numpy as np
from interface_zoo import Api, begun, whole
from number_zoo import plain_step

from adagrad_reference.formats import BINARY16, BINARY32, BINARY64

__all__ = ["BUFFERS"]

_FORMATS = {8: BINARY64, 4: BINARY32, 2: BINARY16}
_CODES = {8: "d", 4: "f", 2: "e"}


class _Slot:
    """One param: its numbers, those of S, how often it stepped."""

    def __init__(self, theta, total):
        self.theta, self.total, self.t = theta, total, 0


class Buffers(Api):
    """One loop over two buffers; subclasses say what a buffer is."""

    language = "Python"
    claims = Api.claims - {"bfloat16", "binary16", "load-same-object"}

    def buffer(self, numbers):
        """A buffer with the numbers of an array."""
        raise NotImplementedError

    def make(self, params, options):
        o = whole(options)
        slots = {
            k: _Slot(self.buffer(x), self.buffer(begun(x, o)))
            for k, x in params.items()
        }
        return {"o": o, "slots": slots}

    def update(self, port, params, gradients):
        new = {}
        for k, g in gradients.items():
            if g is None:
                continue
            slot, like = port["slots"][k], params[k]
            slot.theta = self.buffer(like)
            slot.t += 1
            one = plain_step(_FORMATS[like.itemsize], slot.t, port["o"])
            for i, slope in enumerate(g.ravel().tolist()):
                pair = one(slot.theta[i], slope, slot.total[i])
                slot.theta[i], slot.total[i] = pair
            new[k] = self.numbers(slot.theta, like)
        return new

    def numbers(self, held, like):
        """An array with the numbers of a buffer."""
        return np.array(list(held), like.dtype).reshape(like.shape)

    def accumulator(self, port, name):
        return self.numbers(port["slots"][name].total, self.params[name])

    def counter(self, port, name):
        return port["slots"][name].t

    def write(self, port, name, accumulator, t):
        slot = port["slots"][name]
        slot.total, slot.t = self.buffer(accumulator), t

    def set_one(self, port, option, value):
        port["o"][option] = value

    def state(self, port):
        held = {k: (list(slot.total), slot.t) for k, slot in port["slots"].items()}
        return {"o": dict(port["o"]), "held": held}

    def restore(self, port, state):
        port["o"] = dict(state["o"])
        for k, (total, t) in state["held"].items():
            like = self.params[k]
            self.write(port, k, np.array(total, like.dtype).reshape(like.shape), t)


class Lists(Buffers):
    """Lists of Python floats, in binary64 alone."""

    claims = Buffers.claims - {"binary32", "mixed-formats"}

    def buffer(self, numbers):
        return numbers.ravel().tolist()


class ArrayModule(Buffers):
    """`array.array`, which rounds what is stored in it."""

    def buffer(self, numbers):
        return array.array(_CODES[numbers.itemsize], numbers.tobytes())


class MemoryViews(Buffers):
    """Views of bytes that are cast to numbers."""

    def buffer(self, numbers):
        raw = memoryview(bytearray(numbers.tobytes()))
        return raw.cast(_CODES[numbers.itemsize]) if len(raw) else []


class CtypesArrays(Buffers):
    """Arrays of ctypes."""

    def buffer(self, numbers):
        kind = {8: ctypes.c_double, 4: ctypes.c_float}[numbers.itemsize]
        return (kind * numbers.size)(*numbers.ravel().tolist())


class _Packed:
    """Numbers packed into bytes one by one."""

    def __init__(self, code, raw):
        self.code, self.raw = "<" + code, raw
        self.width = struct.calcsize(self.code)

    def __len__(self):
        return len(self.raw) // self.width

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError(i)
        return struct.unpack_from(self.code, self.raw, i * self.width)[0]

    def __setitem__(self, i, x):
        struct.pack_into(self.code, self.raw, i * self.width, x)


class PackedBytes(Buffers):
    """A bytearray and `struct`, which has binary16 too."""

    claims = Buffers.claims | {"binary16"}

    def buffer(self, numbers):
        return _Packed(_CODES[numbers.itemsize], bytearray(numbers.tobytes()))


BUFFERS = {
    made.__name__: made
    for made in (Lists, ArrayModule, MemoryViews, CtypesArrays, PackedBytes)
}
