"""The gate: what a maintainer has decided about failures, and what has changed.

waivers.py       the file of waivers, read
matching.py      which failures a waiver covers, and where it is in trouble
drafting.py      waivers written from a run, to be filled in
exporting.py     waivers in the forms of other suites
baseline.py      a run held against an older one
"""
