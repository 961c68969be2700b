"""What `make bench`, `make power` and `make soundness` measured, as Markdown.

power.py            the kill matrix
fault_power.py      one bug, two and three, and the faults that are named
profile_power.py    ports that have little
machine_mutants.py  what is wrong at one meeting alone
soundness.py        right programs and right ports

May import what `reports` may.  Measures nothing.
"""
