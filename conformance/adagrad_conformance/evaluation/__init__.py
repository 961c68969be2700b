"""One port from start to result: the Python API.

May import `diagnosis`, `grading`, `execution` and below.  Writes and prints nothing:
that is for `reports` and `cli`.  Importing the package itself loads nothing else, so
that a command's help can show the defaults.

api.py         `evaluate`, which loads the suite when it is called
port.py        from a target, an adapter or an optimizer's class to a result
driving.py     in which process a port runs
client.py      from a port that can be talked to, to a result
result.py      the result: verdicts, failures, diagnosis, and their text
conclusion.py  the word that a result ends in, and the evidence of one failure
defaults.py    what options are unless they are given
"""
