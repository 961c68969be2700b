"""Checks that fit the port: what it does not claim is taken out of a scenario.

A scenario is written once, over the full language.  A port that lacks part of the
language plays what is left, judged by expectations of its own, so that a port with lr
alone is asked as searchingly as one with everything.

project.py       one scenario: which rules, the id, which requirements it still tells
tensor_rules.py  formats, complex numbers, layouts, sparse gradients, fewer params
event_rules.py   options, groups, loads, closures, refusals
state_rules.py   states that are reached by steps, gradients in place of None
fitting.py       all checks of a run: fitted, without duplicates
"""
