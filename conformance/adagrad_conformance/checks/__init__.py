"""Everything a port can be asked, as data, and which of it a run plays.

May import `requirements`, `adapters`' claims and the reference.  Plays and judges
nothing.
"""
