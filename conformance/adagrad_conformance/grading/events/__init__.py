"""An observation read event by event: all that grading tells without arithmetic.

walk.py             every event in turn: what is checked, and in which order
progress.py         the books, and what the port showed last
outcome.py          accepted or refused, closures
accumulators.py     S and the step counter; gathers steps for the arithmetic
runs.py             the same for an event of many steps
memory.py           gradients, and the memory around a param
master_weights.py   binary32 masters beside 16-bit params
binary32_view.py    16-bit observations as binary32
"""
