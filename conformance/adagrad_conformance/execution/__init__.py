"""Plays checks through `transport` and records what is seen.

May import `checks` and `transport`.  Never judges: observations are data, and what is
right is known to `grading` alone.
"""
