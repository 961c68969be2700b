"""A scenario as a few lines of torch, which need nothing of this suite.

constructors.py  how each torch optimizer is imported and made
limits.py        a scenario as an optimizer with limits of its own plays it
tensors.py       tensors as torch source
writer.py        the lines of each event
endings.py       what follows the events: all that is seen, or an assertion
"""

from __future__ import annotations

from .constructors import TorchConstructor, torch_constructor
from .endings import torch_reproducer, torch_snippet

__all__ = [
    "TorchConstructor",
    "torch_constructor",
    "torch_reproducer",
    "torch_snippet",
]
