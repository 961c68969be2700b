"""Tests an adapter: its use of the protocol, and whether it lies by accident.

May import `grading`, `execution` and what they may import.  The visits judge no number.

conversation.py   one question and one answer at a time
advice.py         what is wrong with an answer, and what to do about it
basics.py, options.py, gradients.py, state.py   visits: short sequences of questions
fixtures.py       params, gradients and questions that visits share
harness.py        options, state and shapes on their way, for `run` too
plan.py           all visits in order, from start to stop
"""

from __future__ import annotations

from .conversation import Doctor, Exchange
from .plan import examine

__all__ = ["Doctor", "Exchange", "examine"]
