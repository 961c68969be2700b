"""`run`, and what belongs to it.

run.py        choose checks, play them on every target, print and write the results
playing.py    several targets at a time, with progress and Ctrl-C
gating.py     waivers and baselines, of `run` and as commands of their own
"""
