"""The command line: each command parses, calls and prints.

main.py       every command with its options; it loads the file below when it is called
options.py    options that several commands have in common
playing.py    several targets at a time, with progress and Ctrl-C
outputs.py    files and reproducers that commands write
run.py, diagnose.py, explore.py, doctor.py, report.py, list.py, explain/, vectors.py,
ports.py, new_adapter.py    what each command does

May import everything; no other package imports it.  It judges nothing.
"""
