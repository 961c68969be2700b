"""Makes a failure small and writes it as a script that ends in its fault.

run.py            `--reproducers FOLDER`: a reproducer for each requirement that failed
ranking.py        which failure stands for a requirement
smallest.py       one failure made small, and its script
reduction/        smaller scenarios that fail in the same way
assertion.py      what a script asserts
scripts.py        which writer writes the script
port_script.py    a writer by a port's own syntax (port_syntax/)
torch_script/     a writer of plain torch, also for snippets
adapter_script.py a writer by a port's adapter, which driver.py drives
names.py, literals.py, decimals.py   names, texts and numbers in scripts
languages.py      the languages of scripts, and how each is run
writing.py        the files of a target: scenarios, scripts, an index
verification.py   whether a script ends in the fault that it was written for

May import `grading`, `execution`, `transport` and below.  A value enters a script
through literals.py and in no other way.
"""
