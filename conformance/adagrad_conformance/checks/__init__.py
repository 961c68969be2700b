"""Every check of an implementation, as data, and the choice of those that a run plays.

May import `requirements`, `adapters` and the reference.  Plays and judges nothing.
"""
