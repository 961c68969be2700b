"""Checks an adapter's manners message by message, before anything is judged.

talk.py       the conversation: one question, one answer, what is wrong with it
material.py   params, gradients and questions that visits share
basics.py, options.py, gradients.py, state.py   the visits
visits.py     all of them in order, from start to stop
"""

from __future__ import annotations

from .conversation import Doctor, Step
from .plan import examine

__all__ = ["Doctor", "Step", "examine"]
