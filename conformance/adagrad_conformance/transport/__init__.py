"""Runs a port here or in another process, and exchanges messages with it.

May import `adapters` and the reference's language.  Never judges an answer by its
value, only by the protocol.

client.py               the interface: start, begin, event, read, native, close
in_process.py           an adapter called directly
subprocess_client.py    a child process, asked ahead (pipeline.py)
child_process.py        the process and its pipes
messages.py             scenarios and answers as JSON; protocol.schema.json says how
server.py               the other end: serves a Python adapter
targets.py, loading.py  what a TARGET on the command line means, and loading it
bootstrap.py            starts the server under another Python
"""
