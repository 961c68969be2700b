"""The command line: one file per command, which parses, calls and prints.

May import everything; nothing imports it.  Judges nothing and reads no result but
through `evaluation` and `reports`.
"""
