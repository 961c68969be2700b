"""The command line: each command parses, calls and prints.

main.py       every command with its options; it loads the file below when it is called
options.py    options that several commands have in common
outputs.py    files and reproducers that commands write
streams.py    the standard streams as users leave them
running/      `run`, its progress, its waivers and baselines
diagnose.py, explore.py, doctor.py, report.py, list.py, explain/, vectors.py,
ports.py, new_adapter.py    what each command does

May import everything; no other package imports it.  It judges nothing.
"""
