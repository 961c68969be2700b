"""Faults: what a port does wrong, found from all that departs.

May import `grading` and below.  Plays nothing: what was seen is judged again.
"""
