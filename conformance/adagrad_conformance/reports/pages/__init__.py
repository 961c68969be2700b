"""REPORT.md and the pages behind it.

report.py            REPORT.md: what was found, how far it can be trusted, every port
writing.py           all pages of a folder, by their names
port_map.py          verdicts of ports, their faults, the map by theme
port_page.py         one port: faults, findings, promises, what was not judged
finding_page.py      the findings most worth sending, as texts
requirement_page.py  clauses, requirements, and findings on the document
measured_page.py     all that was measured: power, soundness, speed

May import what `reports` may.
"""
