"""Tests an adapter's use of the protocol, message by message, and advises its author.

May import `transport`, `adapters` and the reference's language.  Never judges a number.

conversation.py   one question and one answer at a time
advice.py         what is wrong with an answer, and what to do about it
basics.py, options.py, gradients.py, state.py   visits: short sequences of questions
fixtures.py       params, gradients and questions that visits share
plan.py           all visits in order, from start to stop
"""

from __future__ import annotations

from .conversation import Doctor, Exchange
from .plan import examine

__all__ = ["Doctor", "Exchange", "examine"]
