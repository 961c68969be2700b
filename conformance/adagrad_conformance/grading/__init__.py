"""Turns observations into verdicts.

May import the observations of `execution`, `checks` and the reference.  Pure: plays
nothing, starts nothing, reads no file.
"""
