"""Faults: what a port does wrong, found from all that departs.

find.py           the greedy cover: one cause after the other, until none gains enough
parts.py          the runs of checks; units.py, complaints.py: where they can be wrong
switch_search.py  causes that are switches of a dialect; exercised.py: where one acts
rows.py           causes that are rules, on the elements of steps (columns.py)
rules.py          what may be computed in the place of a line; other_inputs.py: by what
mechanisms.py     causes that are one sort of complaint
conditions.py     the shortest condition that tells what fails from what passes
fault.py          what is found, as data; causes.py: before it is chosen
wording.py        what was seen and what is due, for readers

May import `grading` and below.  Plays nothing: what was seen is judged again.
"""
