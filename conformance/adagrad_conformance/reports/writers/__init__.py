"""Streams in the forms that other tools read, each by a writer of formats.py.

common.py      what all of them say of one check
junit.py       JUnit XML, for GitLab, Jenkins and most CIs
ctrf.py        CTRF, a JSON of test results
digest.py      Markdown for a job's summary or a pull request
badge.py       a badge: shields' endpoint JSON, or SVG
"""
