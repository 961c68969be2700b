"""Plays checks through `transport` and records what is observed.

May import `checks`, `transport` and what they may import.  Never judges: observations
are data, and `grading` alone decides whether they are right.

runner.py            every check of a run, in order; restarts the port where it ended
session.py           one scenario; plan.py has its questions, second_process.py the load
                     in a new process
observations.py      what is recorded; recording.py: exceptions become statuses
status.py            the statuses, and the reasons why a check broke off
smoke_test.py        whether an adapter works at all
"""
