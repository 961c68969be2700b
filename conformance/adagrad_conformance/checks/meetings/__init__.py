"""Scenarios in which every two features meet, and a count of the meetings.

`space.py` is the model: one table of dimensions and their values, and the values that
exclude each other.  `rows.json` is a covering array over it, written by
`bench/covering.py`; `writing.py` makes a scenario of each row.  `coverage.py` counts
which meetings the judged scenarios of a run hold.
"""
