"""Adagrads that could not be made to run, and what was tried."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["UNREACHED"]

#: Name -> what was tried, and what came of it.
UNREACHED: Mapping[str, str] = {
    "onnxruntime": "1.31.1 installs, but the op is not registered for the CPU",
    "ensmallen": "a library of C++ headers; Debian 12 has no package of it, and the "
    "wheel of mlpack 4.8.0 carries mlpack's own headers alone",
    "chainer": "pip install chainer==7.8.1: its build from source fails on Python 3.11",
    "lightfm": "pip install lightfm: its build from source fails on Python 3.11",
    "megengine": "pip finds no distribution for Python 3.11",
    "lasagne": "pip install lasagne theano 'numpy<1.22': no wheel of that NumPy for "
    "Python 3.11, and nothing is installed",
    "xlearn": "pip install xlearn: nothing is installed",
    "downhill": "0.4.0 installs with Theano 1.0.5; it was not driven",
    "jittor": "1.3.11.0 installs, but has no Adagrad",
    "oneflow": "0.9.0 has wheels up to Python 3.10; the suite needs 3.11",
}
