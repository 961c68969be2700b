"""Explains failed verdicts: by a dialect of Adagrad, or by what they have in common.

May import `grading` and below.  Plays nothing: what was seen is judged again.
"""
