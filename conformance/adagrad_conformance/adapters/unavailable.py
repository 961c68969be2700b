"""Implementations of Adagrad that could not be run, with the attempt and its result.

The report lists them beside the ports.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["UNAVAILABLE"]

#: Name -> the attempt, and what came of it.
UNAVAILABLE: Mapping[str, str] = {
    "onnxruntime": "1.31.1 installs, but the op is not registered for the CPU",
    "chainer": "pip install chainer==7.8.1: its build from source fails on Python 3.11",
    "lightfm": "pip install lightfm: its build from source fails on Python 3.11",
    "megengine": "pip finds no distribution for Python 3.11",
    "lasagne": "0.1 installs with Theano 1.0.5 and NumPy 1.23.5; import lasagne fails: "
    "that Theano has no theano.tensor.signal.downsample",
    "xlearn": "pip install xlearn: nothing is installed",
    "AsyncAdagrad": "torchbiggraph 1.0.0, the newest that pip finds, has no such class",
    "jittor": "1.3.11.0 installs, but has no Adagrad",
    "oneflow": "0.9.0 has wheels up to Python 3.10; the suite needs 3.11",
}
